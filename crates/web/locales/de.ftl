# Jedes deutsche Wort auf einer Seite. Kurz und einfach, mit „du“: was ist passiert, was ist zu tun.

## Überall

skip-to-content = Zum Inhalt springen
languages = Sprache
help-label = Hilfe:
signed-in-as = Angemeldet als
step = Schritt { $number } von 3
continue = Weiter
confirm = Bestätigen
copy = Kopieren
copied = Kopiert
download = Herunterladen
print = Drucken
finish = Fertig
save = Speichern
remove = Entfernen
try-again = Noch einmal versuchen
sign-in = Anmelden
sign-out = Abmelden
username = Benutzername
password = Passwort
password-show = Zeigen
password-hide = Verbergen
reference = Kennung
duration-seconds = { $count ->
    [one] { $count } Sekunde
   *[other] { $count } Sekunden
}
duration-minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}

## Konto anlegen

register-title = Konto anlegen
register-heading = Dein Konto bei { $issuer }
register-lead = Danach verbindest du eine Authenticator-App und sicherst Wiederherstellungscodes. Das dauert etwa zwei Minuten.
register-heading-first = Das erste Konto
register-lead-first = Damit verwaltest du diesen Server. Danach verbindest du eine Authenticator-App und sicherst Wiederherstellungscodes.
register-heading-invited = Willkommen bei { $issuer }
register-lead-invited = Leg fest, wie du dich anmeldest. Danach verbindest du eine Authenticator-App und sicherst Wiederherstellungscodes.
register-have-account = Du hast schon ein Konto?
username-hint = Buchstaben a bis z, Ziffern und . _ - @ + (höchstens 64). Der Name lässt sich später nicht ändern.
username-hint-fixed = Dieser Name wurde für dich gewählt.
password-hint = Mindestens 8 Zeichen. Ein paar Wörter ohne Zusammenhang sind ein gutes Passwort.
closed-heading = Hier kann man sich nicht selbst registrieren
closed-text = Neue Konten gibt es von der Person, die diesen Server betreibt. Lass dir einen Link schicken.

## Authenticator einrichten

enroll-heading = Richte deine Authenticator-App ein
enroll-lead = Du brauchst eine App, die 6-stellige Codes erzeugt, zum Beispiel Apple Passwörter, Google Authenticator, Microsoft Authenticator, 2FAS, Aegis, Bitwarden oder 1Password.
enroll-heading-again = Richte deinen Authenticator neu ein
enroll-lead-again = Sobald du den neuen Authenticator bestätigst, gilt der alte nicht mehr, du wirst überall sonst abgemeldet und bekommst zehn neue Wiederherstellungscodes.
enroll-heading-further = App verbinden
enroll-lead-further = Scanne das mit der App, die hinzukommen soll. Was du hast, bleibt, wie es ist, bis du bestätigst.
enroll-open = In deiner Authenticator-App öffnen
enroll-open-apple = In Apple Passwörter aufnehmen
enroll-qr-alt = QR-Code mit deinem Schlüssel. Wenn du ihn nicht scannen kannst, nimm den Schlüssel weiter unten.
enroll-scan = Scanne das mit deiner App.
enroll-shows = Sie zeigt dann
enroll-manual = Scannen geht nicht?
enroll-key = Schlüssel
enroll-key-hint = Tippe ihn in deine App oder füge ihn ein. Die Leerzeichen sind egal.
enroll-account = Konto
enroll-type = Art
enroll-type-time = Zeitbasiert (TOTP)
enroll-algorithm = Algorithmus
enroll-digits = Ziffern
enroll-period = Neuer Code alle
enroll-no-phone = Kein Smartphone? Ein Passwortmanager oder eine Authenticator-App auf deinem Rechner geht auch.
enroll-code = 6-stelliger Code aus deiner App
enroll-start-again = Mit einem anderen Benutzernamen neu anfangen
clock-server = Die Codes hängen von der Uhrzeit ab. Auf diesem Server ist es { $time }.
clock-right = Die Uhr dieses Geräts geht richtig.
clock-ahead = Die Uhr dieses Geräts geht { $duration } vor. Wenn deine App darauf läuft, stell Datum und Uhrzeit auf automatisch.
clock-behind = Die Uhr dieses Geräts geht { $duration } nach. Wenn deine App darauf läuft, stell Datum und Uhrzeit auf automatisch.

## Wiederherstellungscodes

# Das unsichtbare Zeichen sagt schmalen Fenstern, wo sie das lange Wort trennen sollen.
codes-heading = Sichere deine Wiederherstellungs{"\u00AD"}codes
codes-lead = Wenn du dein Telefon verlierst, kannst du mit einem dieser Codes einen neuen Authenticator einrichten. Bewahre sie an einem sicheren Ort auf, aber nicht auf dem Telefon.
codes-for = Wiederherstellungscodes für
codes-each-once = Jeder Code gilt einmal. Hak ihn ab, wenn du ihn benutzt hast.
codes-saved = Ich habe meine Wiederherstellungscodes gesichert
codes-shown-once = Du siehst sie nur jetzt, höchstens 15 Minuten lang. Jeder gilt einmal.

## Angemeldet

home-title = Du bist angemeldet
home-heading = Du bist angemeldet als
home-role = Rolle
home-recovery = Wiederherstellungscodes
home-recovery-left = { $count } von 10 übrig
home-insecure = Dieser Server spricht unverschlüsseltes http: Passwörter und Codes sind unterwegs lesbar. Richte https ein und entferne dann insecure_http.
home-since = Angemeldet seit
home-few-left = { $count ->
    [0] Du hast keinen Wiederherstellungscode mehr. Wenn du jetzt dein Telefon verlierst, kann dich nur noch die Administration hereinlassen.
    [one] Du hast noch { $count } Wiederherstellungscode. Erzeuge neue in deinem Konto.
   *[other] Du hast noch { $count } Wiederherstellungscodes. Erzeuge neue in deinem Konto.
}
role-user = Mitglied
role-admin = Administration
role-owner = Inhaber

## Mein Konto

to-account = Zurück zu deinem Konto
account-heading = Dein Konto
account-authenticators-hint = { $count ->
    [one] Ein Authenticator. Füge einen weiteren hinzu, oder zieh auf ein neues Telefon um.
   *[other] { $count } Authenticatoren.
}
account-no-password-hint = Du meldest dich mit einem Code allein an.
account-choose = Festlegen
account-password-hint = Mit einem neuen wirst du überall sonst abgemeldet.
account-change = Ändern
account-look = Zeigen
account-recovery-hint = Neue ersetzen die alten.
account-renew = Neue erzeugen
account-sessions-hint = { $count ->
    [one] Du bist nur hier angemeldet.
   *[other] Du bist an { $count } Stellen angemeldet.
}
account-activity-hint = Was in den letzten 90 Tagen mit deinem Konto geschah.
account-few-left = { $count ->
    [0] Du hast keinen Wiederherstellungscode mehr. Erzeuge jetzt neue, solange du dein Telefon hast.
    [one] Du hast noch { $count } Wiederherstellungscode. Erzeuge neue, bevor du ihn brauchst.
   *[other] Du hast noch { $count } Wiederherstellungscodes. Erzeuge neue, bevor du sie brauchst.
}
prove-heading = Bist du es noch?
prove-lead = Um etwas zu ändern, gib dein Passwort und einen Code ein. Das gilt fünf Minuten.
prove-lead-code = Um etwas zu ändern, gib einen Code ein. Das gilt fünf Minuten.
prove-code-hint = Ein Code, den du noch nicht benutzt hast.
problem-password-wrong = Das Passwort stimmt nicht.
password-heading = Ändere dein Passwort
password-lead = Hier bleibst du angemeldet, überall sonst wirst du abgemeldet.
password-heading-first = Leg ein Passwort fest
password-lead-first = Hier bleibst du angemeldet, überall sonst wirst du abgemeldet.
password-new = Neues Passwort
password-change = Passwort ändern
sessions-heading = Wo du angemeldet bist
sessions-lead = Melde ab, was du nicht kennst oder nicht mehr benutzt. Kennst du etwas gar nicht, dann ändere auch dein Passwort.
sessions-this = dieser Browser
sessions-since = Seit { $since }, zuletzt gesehen { $seen }
sessions-browser = { $browser } auf { $system }
sessions-unknown = Unbekannter Browser
sessions-end-named = { $browser } abmelden
sessions-end-others = Überall sonst abmelden
browsers-heading = Browser, die dich kennen
browsers-lead = Damit hast du dich schon angemeldet, und was andere anderswo falsch eingeben, sperrt dich hier nicht aus. Vergiss, was du nicht mehr benutzt oder nicht kennst.
browsers-since = Seit { $since }, zuletzt angemeldet { $seen }
browsers-forget = Vergessen
browsers-forget-named = { $browser } vergessen
browsers-forget-others = Alle anderen vergessen
to-tokens = Zurück zu deinen App-Passwörtern
tokens-heading = App-Passwörter und Tokens
tokens-lead = Für Programme, die keine Codes kennen, etwa den Kalender auf einem Telefon, und für deine Skripte. Gib jedem sein eigenes, und widerrufe, was du nicht mehr benutzt. Alle enden, wenn du dein Passwort änderst.
tokens-opens = Öffnet { $hosts } für dich
tokens-used = Gilt bis { $until }, zuletzt benutzt { $used }
tokens-unused = Gilt bis { $until }, noch nicht benutzt
tokens-revoke = Widerrufen
tokens-revoke-named = { $name } widerrufen
tokens-new = Eines erzeugen
account-tokens-hint = Für Programme, die keine Codes kennen, und für Skripte.
token-heading = App-Passwort oder Token erzeugen
token-lead = Es wird einmal gezeigt, auf der nächsten Seite.
token-name = Name
token-name-hint = Das Programm, das es bekommt, zum Beispiel „Kalender auf meinem Telefon“.
token-for = Wofür ist es?
token-for-apps = Programme in meinem Namen öffnen, als Passwort oder Token
token-for-account = Mein Konto ansehen
token-for-verify = Fragen, ob jemandes Code stimmt
token-for-people-read = Leute und Gruppen ansehen
token-for-people-write = Leute und Gruppen ändern
token-hosts = Welche Programme öffnet es?
token-hosts-hint = Die Adressen, etwa kalender.example.org. Etwas anderes öffnet es nicht. Lass das leer, wenn es kein Programm öffnen soll.
token-days = Wie lange gilt es?
token-good-for = { $days ->
    [30] 30 Tage
    [90] 90 Tage
    [365] Ein Jahr
   *[other] Fünf Jahre
}
token-make = Erzeugen
token-made-heading = Kopiere es jetzt
token-made-lead = Gib es „{ $name }“ und niemandem sonst. Es wird nicht noch einmal gezeigt.
token-itself = Token
token-until = Gilt bis { $until }, oder bis du es widerrufst.
token-made-where = Öffnet
token-made-how = Programme senden es als
to-authenticators = Zurück zu deinen Authenticatoren
authenticators-heading = Authenticatoren
authenticators-lead = Mit jedem davon meldest du dich an. Zwei sind besser als einer: ein Telefon geht verloren.
authenticators-since = Seit { $since }, zuletzt benutzt { $used }
authenticators-unused = Seit { $since }, noch nicht benutzt
authenticators-label = Heißt in der App { $label }
authenticators-until = Gilt noch bis { $time }.
authenticators-rename = Umbenennen
authenticators-rename-label = Neuer Name für { $name }
authenticators-remove-named = { $name } entfernen
authenticators-phone = Ich habe ein neues Telefon
authenticators-add = Noch einen hinzufügen
add-heading = Authenticator hinzufügen
add-lead = Ein zweites Telefon, ein Tablet oder ein Passwortmanager auf deinem Rechner. Danach scannst du damit einen QR-Code.
add-name = Name
add-name-hint = Damit du sie unterscheiden kannst, zum Beispiel „iPad“. Auch deine App zeigt ihn.
phone-heading = Auf ein neues Telefon umziehen
phone-lead = Zuerst verbindest du das neue Telefon. Das alte gilt weiter, bis das neue seinen ersten Code gezeigt hat.
phone-which = Welches ersetzt es?
phone-old = Was wird aus dem alten?
phone-old-day = Einen Tag lang behalten, falls etwas schiefgeht
phone-old-now = Sofort beenden
remove-heading = { $name } entfernen?
remove-lead = Seine Codes gelten sofort nicht mehr. Lösch danach den Eintrag „{ $label }“ in der App.
renew-heading = Neue Wiederherstellungs{"\u00AD"}codes erzeugen?
renew-lead = Die neuen ersetzen sie: was du gedruckt oder gespeichert hast, gilt dann nicht mehr.
renew-make = Zehn neue Codes erzeugen
activity-heading = Aktivität
activity-lead = Die letzten 90 Tage, das Neueste zuerst.
activity-when = Wann
activity-what = Was
activity-where = Von
activity-csv = Als CSV herunterladen
event-created = Konto angelegt
event-imported = Konto aus einem anderen Programm übernommen
event-password-right = Richtiges Passwort
event-password-wrong = Falsches Passwort
event-code-right = Richtiger Code, Passwort noch offen
event-signed-in = Angemeldet
event-signed-out = Abgemeldet
event-proved = Alles noch einmal angegeben, um etwas zu ändern
event-code-wrong = Falscher Code
event-code-replayed = Code ein zweites Mal benutzt
event-codes-closed = Hundert falsche Codes: es werden keine mehr angenommen
event-door-closed = Hundert falsche Versuche aus unbekannten Browsern: nur bekannte werden noch eingelassen
event-recovery-used = Wiederherstellungscode benutzt
event-recovery-wrong = Falscher Wiederherstellungscode
event-recovery-saved = Wiederherstellungscodes gesichert
event-recovery-renewed = Neue Wiederherstellungscodes erzeugt
event-authenticator-replaced = Neuer Authenticator eingerichtet
event-authenticator-added = Authenticator hinzugefügt
event-authenticator-moved = Auf ein neues Telefon umgezogen
event-authenticator-renamed = Authenticator umbenannt
event-authenticator-removed = Authenticator entfernt
event-clock-learned = Abweichung der Uhr eines Telefons gelernt
event-browser-forgotten = Ein bekannter Browser wurde vergessen
event-link-made = Die Administration hat einen Link für dich erzeugt
event-link-used = Der Link der Administration wurde benutzt
event-factor-reset = Die Administration hat deine Authenticatoren zurückgesetzt
event-password-changed = Passwort geändert
event-role-changed = Rolle geändert
event-disabled = Von der Administration ausgesperrt
event-enabled = Von der Administration wieder eingelassen
event-group-joined = Von der Administration in eine Gruppe aufgenommen
event-group-left = Von der Administration aus einer Gruppe genommen
event-access-denied = Von den Regeln hier nicht in ein Programm eingelassen
event-code-verified = Code in einem anderen Programm richtig
event-integrity-failed = Etwas von dir ist in der Datenbank beschädigt
event-other = Etwas anderes

## Anmelden

login-heading = Bei { $issuer } anmelden
login-new = Neu hier?
login-register = Konto anlegen
login-lost-password = Passwort vergessen? Frag die Person, die diesen Server betreibt.
login-code-hint = Öffne deine Authenticator-App und such nach „{ $issuer }“.
login-no-password = Noch kein Passwort? Melde dich mit einem Code an und leg eins fest
login-have-password = Ich habe ein Passwort
login-choose-after = Danach legst du ein Passwort fest. Von da an meldest du dich mit beidem an.
owed-heading = Und dein Passwort
owed-lead = Dein Code war richtig. Du kümmerst dich hier um andere, darum brauchst du auch dein Passwort.
owed-heading-new = Leg ein Passwort fest
owed-lead-new = Dein Code war richtig. Von jetzt an meldest du dich mit Passwort und Code an.
owed-choose = Dieses Passwort nehmen
keep = Auf diesem Gerät angemeldet bleiben
keep-hint = Für 30 Tage. Lass es aus, wenn andere das Gerät mitbenutzen.
code-heading = Gib deinen Code ein
code-label = 6-stelliger Code
code-hint = Öffne deine Authenticator-App und such „{ $label }“.
code-changes = Er wechselt alle 30 Sekunden.
code-pasted = Ein eingefügter oder automatisch ausgefüllter Code wird sofort geprüft.
code-two = Die Uhr des Telefons lässt sich nicht stellen?
code-two-label = Der Code, der direkt danach kommt
code-two-hint = Gib oben einen Code ein, warte, bis die App den nächsten zeigt, und gib ihn hier ein. Wir merken uns, wie weit die Uhr falsch geht.
code-lost = Ich habe meinen Authenticator nicht
code-restart = Nicht { $username }? Neu anfangen
recovery-heading = Wiederherstellungs{"\u00AD"}code benutzen
recovery-lead = Mit einem der zehn Codes, die du gesichert hast, kannst du für { $username } einen neuen Authenticator einrichten. Das machst du auf der nächsten Seite.
recovery-lead-anybody = Mit einem der zehn Codes, die du gesichert hast, richtest du einen neuen Authenticator ein. Das machst du auf der nächsten Seite.
recovery-label = Wiederherstellungscode
recovery-hint = Vier Gruppen aus vier Zeichen, wie abcd-efgh-jkmn-pqrs. Großschreibung und Bindestriche sind egal.
recovery-back = Ich habe meinen Authenticator doch
recovery-none = Auch keinen Wiederherstellungscode? Frag die Person, die diesen Server betreibt.

## Ein Link von der Administration

link-heading = Ein Link für { $username }
link-lead-enroll = Damit richtest du einen neuen Authenticator an Stelle eines verlorenen ein. Du brauchst dein Passwort und auf der nächsten Seite dein neues Telefon.
link-lead-password = Damit legst du ein neues Passwort fest. Du brauchst einen Code aus deinem Authenticator.
link-lead-both = Damit legst du ein neues Passwort fest und richtest einen neuen Authenticator ein. Sonst wird nichts gefragt.
link-lead-nothing = Damit richtest du einen neuen Authenticator an Stelle eines verlorenen ein. Sonst wird nichts gefragt.
link-once = Der Link gilt einmal und eine Stunde lang.

## Was über einem Formular steht, wenn etwas nicht stimmt

problem-prefix = Fehler:
problem-heading = Da stimmt etwas nicht
problem-username-missing = Gib einen Benutzernamen ein.
problem-username-rule = Ein Benutzername hat 1 bis 64 Zeichen: Buchstaben a bis z, Ziffern und . _ - @ +
problem-username-taken = Dieser Benutzername ist vergeben. Nimm einen anderen.
problem-group-missing = Gib den Namen einer Gruppe ein.
problem-group-rule = Der Name einer Gruppe hat 1 bis 64 Zeichen: Buchstaben a bis z, Ziffern und . _ -
problem-group-taken = Eine Gruppe mit diesem Namen gibt es schon. Nimm einen anderen.
problem-password-missing = Gib ein Passwort ein.
problem-password-short = Das Passwort ist zu kurz. Nimm mindestens 8 Zeichen.
problem-password-long = Das Passwort ist zu lang. Nimm höchstens 256 Zeichen.
problem-password-common = Das Passwort ist eines der ersten, die jeder versucht. Nimm ein paar Wörter ohne Zusammenhang.
problem-password-of-name = Das Passwort besteht aus deinem Benutzernamen. Nimm ein paar Wörter ohne Zusammenhang.
problem-password-of-site = Das Passwort besteht aus dem Namen dieser Seite. Nimm ein paar Wörter ohne Zusammenhang.
problem-password-repeats = Das Passwort wiederholt dieselben Zeichen. Nimm ein paar Wörter ohne Zusammenhang.
problem-password-sequence = Das Passwort folgt dem Alphabet oder der Tastatur. Nimm ein paar Wörter ohne Zusammenhang.
problem-password-date = Das Passwort ist ein Datum. Nimm ein paar Wörter ohne Zusammenhang.
problem-bad-credentials = Benutzername oder Passwort stimmt nicht.
problem-bad-name-or-code = Benutzername oder Code stimmt nicht. Hast du den Code gerade benutzt, dann warte auf den nächsten.
problem-bad-name-or-recovery = Benutzername oder Wiederherstellungscode stimmt nicht. Prüf jeden Buchstaben, oder nimm einen anderen Code: jeder gilt einmal.
problem-code-missing = Gib den 6-stelligen Code ein.
problem-code-not-digits = Der Code besteht aus 6 Ziffern, so wie deine App sie zeigt.
problem-code-looks-like-recovery = Das sieht nach einem Wiederherstellungscode aus. Wähl dafür „Ich habe meinen Authenticator nicht“.
problem-code-wrong = Der Code stimmt nicht. Er wechselt alle 30 Sekunden: nimm den neuesten. Wenn es weiter nicht klappt, sieh nach, ob dein Telefon seine Uhr automatisch stellt. Serverzeit: { $time }.
problem-code-used = Diesen Code hast du schon benutzt. Warte auf den nächsten.
problem-code-behind = Die Uhr deines Telefons geht { $duration } nach. Stell Datum und Uhrzeit auf automatisch und nimm dann den neuesten Code.
problem-code-ahead = Die Uhr deines Telefons geht { $duration } vor. Stell Datum und Uhrzeit auf automatisch und nimm dann den neuesten Code.
problem-code-old = Der Code ist von einem alten Eintrag in deiner App, „{ $label }“, der seit { $date } nicht mehr gilt. Nimm den neueren Eintrag, und lösch den alten.
problem-code-other = Der Code ist von deinem anderen Eintrag, „{ $label }“. Nimm den Code von dem, den du gerade hinzufügst.
problem-code-second = Auch der Code, der direkt danach kommt, hat 6 Ziffern.
problem-code-not-in-a-row = Das sind nicht zwei Codes hintereinander, oder einer davon ist verbraucht. Gib einen ein, warte auf den nächsten, und gib ihn ein.
problem-no-authenticator = Es ist kein Authenticator eingerichtet: die Administration hat ihn zurückgesetzt. Lass dir einen Link geben, um einen neuen einzurichten.
problem-last-authenticator = Das ist dein letzter Authenticator, und ohne einen kannst du dich nicht anmelden. Füge zuerst einen anderen hinzu.
problem-password-overdue = Die Zeit, mit einem Code allein ein Passwort festzulegen, ist vorbei. Lass dir von der Administration einen Link geben.
problem-authenticator-name = Ein Name hat 1 bis 32 Zeichen, und keinen Doppelpunkt und keine Klammern.
problem-authenticator-name-taken = Ein anderer deiner Authenticatoren heißt schon so. Nimm einen anderen Namen.
problem-authenticators-full = Du hast zehn Authenticatoren, mehr gehen nicht. Entferne zuerst einen.
problem-token-name = Ein Name hat 1 bis 64 Zeichen.
problem-token-name-taken = Ein anderes deiner Tokens heißt so. Nimm einen anderen Namen.
problem-token-scopes = Sag, wofür es ist, von dem, was hier angeboten wird.
problem-token-hosts = Nenne die Adressen der Programme, die es öffnen soll, etwa kalender.example.org, ohne https:// und ohne Port. Soll es keine öffnen, lass sie weg.
problem-token-days = Wähle, wie lange es gilt: 1 bis 1825 Tage.
problem-tokens-full = Es gibt so viele Tokens, wie es geben darf. Widerrufe zuerst welche.
problem-old-missing = Sag, welches das neue Telefon ersetzt und was aus ihm wird.
problem-code-closed = Nach hundert falschen Codes in Folge nimmt dieses Konto keine mehr an. Nimm einen Wiederherstellungscode, oder lass dich von der Administration hereinlassen.
problem-login-expired = Das hat länger als 10 Minuten gedauert. Melde dich noch einmal an.
problem-password-next = Gib zuerst das Passwort ein: Der Code ist schon bekannt.
problem-code-next = Gib zuerst den Code ein.
problem-login-mismatch = Diese Anmeldung gehört zu einem anderen Benutzernamen. Melde dich noch einmal an.
problem-cookie-missing = Dein Browser hat das Cookie zur Anmeldung nicht geschickt. Erlaube Cookies für diese Seite und versuch es noch einmal.
problem-recovery-missing = Gib einen Wiederherstellungscode ein.
problem-recovery-wrong = Der Wiederherstellungscode stimmt nicht. Prüf jedes Zeichen oder nimm einen anderen: jeder gilt einmal.
problem-saved-missing = Setz den Haken, sobald du die Codes gesichert hast.
problem-registrations-full = Gerade werden zu viele Konten angelegt. Versuch es in einer halben Stunde noch einmal.
problem-name-held = Diesen Benutzernamen registriert gerade jemand. Nimm einen anderen oder komm in 30 Minuten wieder.
problem-field-unknown = Dieses Formular hat kein Feld „{ $field }“. Lass es weg und schick das Formular noch einmal.
problem-field-repeated = Das Feld „{ $field }“ kam mehr als einmal. Schick es einmal.
problem-field-missing = Das Feld „{ $field }“ kam nicht an. Schick das Formular noch einmal mit ihm.

## Seiten, die nur etwas sagen

to-start = Zur Startseite
start-again = Neu anfangen
not-enrolling-heading = Hier wird nichts eingerichtet
not-enrolling-text = Registriere dich zuerst oder beginne mit einem weiteren Authenticator, und schick das Cookie mit, das du dabei bekommst.
bad-page-heading = Diesen Teil der Liste gibt es nicht
bad-page-text = Sende als after, was die Antwort davor als next hatte, und als limit eine Zahl von 1 bis 200
bad-json-heading = Die Anfrage ist nicht lesbar
bad-json-text = Sende ein JSON-Objekt mit den Feldern, die diese Adresse annimmt, jedes einmal und keine anderen
not-json-heading = Das ist kein JSON
not-json-text = Sende die Felder als JSON-Objekt, und sag das mit „Content-Type: application/json“.
no-token-heading = Es fehlt ein Token
no-token-text = Sende einen, der noch gilt, als „Authorization: Bearer lk_…“. Die Administration erstellt ihn mit „latchkey token add“
not-in-scope-heading = Dieser Token wurde für etwas anderes erstellt
not-in-scope-text = Die Administration kann einen mit der Berechtigung erstellen, die diese Adresse braucht
no-such-app-heading = Unter dieser Adresse wird nichts geöffnet
no-such-app-text = Du solltest dich hier für ein Programm anmelden, das dieser Server nicht kennt. Prüf die Adresse, von der du kommst, oder sag es der Person, die diesen Server betreibt.
app-refused-heading = Diese Tür ist für dich nicht offen
app-refused-text = Du bist angemeldet, aber die Regeln hier lassen dich nicht zu { $host }. Wenn du hinein sollst, gib der Person, die diesen Server betreibt, die Kennung.
app-lost-heading = Du bist nicht angekommen
app-lost-text = Hier bist du angemeldet, aber dein Browser ist bei { $host } nicht rechtzeitig angekommen oder behält dafür keine Cookies.
app-lost-again = Noch einmal versuchen
not-found-heading = Seite nicht gefunden
not-found-text = Unter dieser Adresse gibt es nichts. Prüf sie oder geh zur Startseite.
forbidden-heading = Diese Seite ist nicht für dich freigegeben
forbidden-text = Dein Konto darf sie nicht öffnen. Wenn du sie brauchst, frag die Administration.
owners-only-heading = Das darf nur, wer Inhaber ist
owners-only-text = Administratoren und Tokens kümmern sich um alle, die weder Administrator noch Inhaber sind. Rollen vergeben Inhaber.
forbidden-origin-heading = Das Formular kam von einer fremden Seite
forbidden-origin-text = Dieser Server nimmt nur eigene Formulare an. Öffne die Seite hier und schick das Formular noch einmal.
method-not-allowed-heading = So funktioniert diese Seite nicht
method-not-allowed-text = Diese Adresse nimmt solche Anfragen nicht an. Geh zur Startseite und versuch es von dort.
gone-enroll-heading = Diese Seite ist abgelaufen
gone-enroll-text = Sie gilt 30 Minuten und nur, bis ihr Code bestätigt ist. Fang neu an, oder melde dich an, wenn du ihn schon bestätigt hast.
not-signed-in-heading = Du bist nicht angemeldet
not-signed-in-text = Melde dich unter /login an und schick das Sitzungs-Cookie mit der Anfrage.
gone-codes-heading = Die Wiederherstellungscodes lassen sich nicht mehr anzeigen
gone-codes-text = Sie wurden gesichert, oder fünfzehn Minuten sind vorbei. Deine aufbewahrten Codes bleiben gültig.
gone-link-heading = Dieser Link gilt nicht mehr
gone-link-text = Jeder Link gilt einmal und nur eine Zeit lang, und ein neuerer ersetzt ihn. Lass dir einen neuen schicken.
bad-encoding-heading = Das Formular kam beschädigt an
bad-encoding-text = Der Text ist kein UTF-8 und könnte falsch gelesen werden. Geh zurück, lade die Seite neu und schick das Formular noch einmal.
too-slow-heading = Das Formular kam zu langsam an
too-slow-text = In zehn Sekunden kam nur ein Teil davon. Geh zurück und schick es noch einmal.
too-large-heading = Das ist zu viel
too-large-text = Das Formular ist größer, als dieser Server annimmt. Geh zurück und gib weniger ein.
headers-too-large-heading = Dein Browser hat zu viel geschickt
headers-too-large-text = Seine Kopfzeilen sind größer, als dieser Server annimmt. Lösche die Cookies dieser Seite und versuch es noch einmal.
wrong-type-heading = Das ist kein Webformular
wrong-type-text = Diese Adresse nimmt Formulare, wie ein Browser sie schickt: application/x-www-form-urlencoded.
misdirected-heading = Das ist nicht die Adresse des Servers
misdirected-text = Öffne stattdessen { $url }.
misdirected-detail = Stimmt die auch nicht? Dann muss public_url in den Einstellungen des Servers geändert werden.
resting-heading = Zu viele Versuche
resting-text = Ab { $time } geht es wieder.
resting-left = Noch { $duration }, dann geht es wieder.
resting-done = Jetzt geht es wieder.
resting-why = Nach mehreren falschen Versuchen ruht ein Name eine Weile, damit sich niemand hineinraten kann.
door-closed-heading = Zu viele falsche Versuche
door-closed-text = Zu viele falsche Versuche aus Browsern, die wir nicht kennen. Melde dich in einem Browser an, in dem du schon einmal angemeldet warst, oder lass dir von der Person, die diesen Server betreibt, einen Link geben.
busy-heading = Gerade ist viel los
busy-text = Zu viele Leute melden sich im selben Moment an. Warte ein paar Sekunden und versuch es noch einmal.
database-away-heading = Der Server kommt nicht an seine Daten
database-away-text = Versuch es in einer Minute noch einmal. Wenn es so bleibt, melde es der Person, die diesen Server betreibt.
broken-heading = Da ist bei uns etwas schiefgegangen
broken-text = Versuch es noch einmal. Wenn es wieder passiert, melde es mit der Kennung der Person, die diesen Server betreibt.

## Die API zum Lesen, unter /api

api-heading = Die JSON-API
api-lead = Für Programme. Melde dich über JSON an und behalte die Cookies, oder sende ein Token als „Authorization: Bearer lk_…“. Kommt beides, zählt das Token.
api-document = OpenAPI-Dokument
api-field = Name
api-kind = Art
api-meaning = Bedeutung
api-optional = kann fehlen
api-parameters = In der Adresse
api-takes = Im Rumpf
api-answers = Antwort mit { $status }
api-answers-nothing = Antwort mit { $status } und ohne Rumpf
api-refuses = Abgelehnt mit { $statuses }
api-statuses = Was die Ablehnungen bedeuten
api-who-anyone = Fragen darf jeder.
api-who-enrolling = Fragen darf, wer einen Authenticator einrichtet, mit dem Cookie dafür.
api-who-half = Fragen darf, wer den ersten Faktor gegeben hat, mit dem Cookie dafür.
api-who-person = Fragen darf, wer angemeldet ist, mit dem Cookie der Sitzung. Kein Token.
api-who-person-or = Fragen darf, wer angemeldet ist, mit dem Cookie der Sitzung, oder ein Token mit dem Zweck { $scope }.
api-who-admin-or = Fragen dürfen Administratoren mit dem Cookie der Sitzung, oder ein Token mit dem Zweck { $scope }.
api-who-program = Fragen darf ein Token mit dem Zweck { $scope }.
