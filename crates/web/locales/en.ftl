# Every English word on a page. Short, plain, second person: what happened, what to do.
# A key that is missing in another language shows in English, so this file must be whole.

## Everywhere

skip-to-content = Skip to the content
languages = Language
help-label = Help:
signed-in-as = Signed in as
step = Step { $number } of 3
continue = Continue
confirm = Confirm
copy = Copy
copied = Copied
download = Download
print = Print
finish = Finish
save = Save
remove = Remove
try-again = Try again
sign-in = Sign in
sign-out = Sign out
username = Username
password = Password
password-show = Show
password-hide = Hide
reference = Reference
duration-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}

## Create an account

register-title = Create your account
register-heading = Create your { $issuer } account
register-lead = Next you connect an authenticator app and save recovery codes. It takes about two minutes.
register-heading-first = Set up the first account
register-lead-first = You will be the owner of this server. Next you connect an authenticator app and save recovery codes.
register-heading-invited = Welcome to { $issuer }
register-lead-invited = Choose how you sign in. Next you connect an authenticator app and save recovery codes.
register-have-account = Already have an account?
username-hint = Letters a to z, digits and . _ - @ + (64 at most). It cannot be changed later.
username-hint-fixed = This name was chosen for you.
password-hint = At least 8 characters. A few unrelated words make a good one.
closed-heading = Registration is closed
closed-text = The person who runs this server creates new accounts. Ask them for a link.

## Set up the authenticator

enroll-heading = Set up your authenticator app
enroll-lead = You need an app that makes 6-digit codes, for example Apple Passwords, Google Authenticator, Microsoft Authenticator, 2FAS, Aegis, Bitwarden or 1Password.
enroll-heading-again = Set up your authenticator again
enroll-lead-again = As soon as you confirm the new authenticator, the old one stops working, you are signed out everywhere else, and you get ten new recovery codes.
enroll-heading-further = Connect the app
enroll-lead-further = Scan this with the app that you want to add. What you have stays as it is until you confirm.
enroll-open = Open in your authenticator app
enroll-open-apple = Add to Apple Passwords
enroll-qr-alt = QR code with your setup key. If you cannot scan it, use the setup key below.
enroll-scan = Scan this with your app.
enroll-shows = It will show
enroll-manual = Can’t scan it?
enroll-key = Setup key
enroll-key-hint = Type or paste it into your app. The spaces do not matter.
enroll-account = Account
enroll-type = Type
enroll-type-time = Time-based (TOTP)
enroll-algorithm = Algorithm
enroll-digits = Digits
enroll-period = New code every
enroll-no-phone = No smartphone? A password manager or an authenticator app on your computer works too.
enroll-code = 6-digit code from your app
enroll-start-again = Start again with another username
clock-server = Codes depend on the time. This server’s clock says { $time }.
clock-right = This device’s clock is right.
clock-ahead = This device’s clock is { $duration } ahead. If your app runs on it, turn on automatic date and time.
clock-behind = This device’s clock is { $duration } behind. If your app runs on it, turn on automatic date and time.

## Recovery codes

codes-heading = Save your recovery codes
codes-lead = If you lose your phone, one of these codes lets you set up a new authenticator. Keep them somewhere safe that is not your phone.
codes-for = Recovery codes for
codes-each-once = Each code works once. Tick it off when you have used it.
codes-saved = I have saved my recovery codes
codes-shown-once = They are shown only now, for 15 minutes at most. Each works once.

## Signed in

home-title = You are signed in
home-heading = You are signed in as
home-role = Role
home-recovery = Recovery codes
home-recovery-left = { $count } of 10 left
home-insecure = This server speaks plain http: passwords and codes can be read on the way. Set up https, then remove insecure_http.
home-since = Signed in since
home-few-left = { $count ->
    [0] You have no recovery code left. If you lose your phone now, only an administrator can let you in.
    [one] You have { $count } recovery code left. Make new ones in your account.
   *[other] You have { $count } recovery codes left. Make new ones in your account.
}
role-user = User
role-admin = Administrator
role-owner = Owner

## My account

to-account = Back to your account
account-heading = Your account
account-authenticators-hint = { $count ->
    [one] One authenticator. Add another, or move to a new phone.
   *[other] { $count } authenticators.
}
account-no-password-hint = You sign in with a code alone.
account-choose = Choose one
account-password-hint = Changing it signs you out everywhere else.
account-change = Change
account-look = Show
account-recovery-hint = New ones replace the old.
account-renew = Make new ones
account-sessions-hint = { $count ->
    [one] You are signed in here only.
   *[other] You are signed in at { $count } places.
}
account-activity-hint = What happened to your account in the last 90 days.
account-few-left = { $count ->
    [0] You have no recovery code left. Make new ones now, while you have your phone.
    [one] You have { $count } recovery code left. Make new ones before you need it.
   *[other] You have { $count } recovery codes left. Make new ones before you need them.
}
prove-heading = Is it still you?
prove-lead = To change something, give your password and a code. That is good for five minutes.
prove-lead-code = To change something, give a code. That is good for five minutes.
prove-code-hint = A code that you have not used yet.
problem-password-wrong = That password is not right.
password-heading = Change your password
password-lead = You stay signed in here and are signed out everywhere else.
password-heading-first = Choose a password
password-lead-first = You stay signed in here and are signed out everywhere else.
password-new = New password
password-change = Change password
sessions-heading = Where you are signed in
sessions-lead = Sign out what you do not know or no longer use. If you do not know one at all, change your password, too.
sessions-this = this browser
sessions-since = Since { $since }, last seen { $seen }
sessions-browser = { $browser } on { $system }
sessions-unknown = Unknown browser
sessions-end-named = Sign out { $browser }
sessions-end-others = Sign out everywhere else
browsers-heading = Browsers that know you
browsers-lead = You have signed in with these before, and nobody’s wrong tries elsewhere keep you out of them. Forget those that you no longer use or do not know.
browsers-since = Since { $since }, last sign-in { $seen }
browsers-forget = Forget
browsers-forget-named = Forget { $browser }
browsers-forget-others = Forget all others
to-tokens = Back to your app passwords
tokens-heading = App passwords and tokens
tokens-lead = For programs that know no codes, such as the calendar on a phone, and for your scripts. Give each its own, and revoke what you no longer use. All of them end when you change your password.
tokens-opens = Opens { $hosts } for you
tokens-used = Good until { $until }, last used { $used }
tokens-unused = Good until { $until }, not used yet
tokens-revoke = Revoke
tokens-revoke-named = Revoke { $name }
tokens-new = Make one
account-tokens-hint = For programs that know no codes, and for scripts.
token-heading = Make an app password or token
token-lead = It is shown once, on the next page.
token-name = Name
token-name-hint = The program that gets it, for example “Calendar on my phone”.
token-for = What is it for?
token-for-apps = Open programs in my name, as a password or a token
token-for-account = See my account
token-for-verify = Ask whether somebody’s code is right
token-for-people-read = See people and groups
token-for-people-write = Change people and groups
token-hosts = Which programs does it open?
token-hosts-hint = Their addresses, such as calendar.example.org. It opens nothing else. Leave this empty if it is to open no program.
token-days = How long is it good?
token-good-for = { $days ->
    [30] 30 days
    [90] 90 days
    [365] A year
   *[other] Five years
}
token-make = Make it
token-made-heading = Copy it now
token-made-lead = Give it to “{ $name }” and nobody else. It is not shown again.
token-itself = Token
token-until = Good until { $until }, or until you revoke it.
token-made-where = Opens
token-made-how = Programs send it as
to-authenticators = Back to your authenticators
authenticators-heading = Authenticators
authenticators-lead = Each of them signs you in. Two are better than one: a phone can get lost.
authenticators-since = Since { $since }, last used { $used }
authenticators-unused = Since { $since }, not used yet
authenticators-label = Shows as { $label }
authenticators-until = Works until { $time }.
authenticators-rename = Rename
authenticators-rename-label = New name for { $name }
authenticators-remove-named = Remove { $name }
authenticators-phone = I have a new phone
authenticators-add = Add another
add-heading = Add an authenticator
add-lead = A second phone, a tablet, or a password manager on your computer. Next you scan a QR code with it.
add-name = Name
add-name-hint = So that you can tell them apart, for example “iPad”. Your app shows it, too.
phone-heading = Move to a new phone
phone-lead = First you connect the new phone. The old one goes on working until the new one has shown its first code.
phone-which = Which one does it replace?
phone-old = What about the old one?
phone-old-day = Keep it for a day, in case something goes wrong
phone-old-now = End it at once
remove-heading = Remove { $name }?
remove-lead = Its codes stop working at once. Delete the entry “{ $label }” from that app afterwards.
renew-heading = Make new recovery codes?
renew-lead = The new ones replace them: what you have printed or saved stops working.
renew-make = Make ten new codes
activity-heading = Activity
activity-lead = The last 90 days, the newest first.
activity-when = When
activity-what = What
activity-where = From
activity-csv = Download as CSV
event-created = Account created
event-imported = Account brought over from another program
event-password-right = Right password
event-password-wrong = Wrong password
event-code-right = Right code, password still owed
event-signed-in = Signed in
event-signed-out = Signed out
event-proved = Everything given again to change something
event-code-wrong = Wrong code
event-code-replayed = Code used a second time
event-codes-closed = A hundred wrong codes: codes are no longer taken
event-door-closed = A hundred wrong tries from unknown browsers: only known ones are let in
event-recovery-used = Recovery code used
event-recovery-wrong = Wrong recovery code
event-recovery-saved = Recovery codes saved
event-recovery-renewed = New recovery codes made
event-authenticator-replaced = New authenticator set up
event-authenticator-added = Authenticator added
event-authenticator-moved = Moved to a new phone
event-authenticator-renamed = Authenticator renamed
event-authenticator-removed = Authenticator removed
event-clock-learned = The difference of a phone’s clock was learned
event-browser-forgotten = A known browser was forgotten
event-link-made = An administrator made a link for you
event-link-used = The link from an administrator was used
event-factor-reset = An administrator reset your authenticators
event-password-changed = Password changed
event-role-changed = Role changed
event-disabled = Locked out by an administrator
event-enabled = Let in again by an administrator
event-group-joined = Put into a group by an administrator
event-group-left = Taken out of a group by an administrator
event-access-denied = Not let in to a program, by the rules here
event-code-verified = Code right in another program
event-integrity-failed = Something of yours was damaged in the database
event-other = Something else

## Sign in

login-heading = Sign in to { $issuer }
login-new = New here?
login-register = Create an account
login-lost-password = Lost your password? Ask the person who runs this server.
login-code-hint = Open your authenticator app and look for “{ $issuer }”.
login-no-password = No password yet? Sign in with a code and choose one
login-have-password = I have a password
login-choose-after = After that you choose a password. From then on you sign in with both.
owed-heading = And your password
owed-lead = Your code was right. You look after others here, so your password is asked for, too.
owed-heading-new = Choose a password
owed-lead-new = Your code was right. From now on you sign in with a password and a code.
owed-choose = Choose this password
keep = Keep me signed in on this device
keep-hint = For 30 days. Leave it off on a device you share.
code-heading = Enter your code
code-label = 6-digit code
code-hint = Open your authenticator app and look for “{ $label }”.
code-changes = It changes every 30 seconds.
code-pasted = A code that is pasted or filled in is checked at once.
code-two = The phone’s clock cannot be set?
code-two-label = The code that comes right after it
code-two-hint = Type one code above, wait until your app shows the next one, and type that here. We remember how far the clock is off.
code-lost = I can’t use my authenticator
code-restart = Not { $username }? Start again
recovery-heading = Use a recovery code
recovery-lead = One of the ten codes you saved lets you, { $username }, set up a new authenticator. You do that on the next page.
recovery-lead-anybody = One of the ten codes you saved lets you set up a new authenticator. You do that on the next page.
recovery-label = Recovery code
recovery-hint = Four groups of four, like abcd-efgh-jkmn-pqrs. Capitals and hyphens do not matter.
recovery-back = I have my authenticator after all
recovery-none = No recovery code either? Ask the person who runs this server.

## A link from an administrator

link-heading = A link for { $username }
link-lead-enroll = It sets up a new authenticator in the place of a lost one. You need your password, and on the next page your new phone.
link-lead-password = It lets you choose a new password. You need a code from your authenticator.
link-lead-both = It lets you choose a new password and set up a new authenticator. Nothing else is asked.
link-lead-nothing = It sets up a new authenticator in the place of a lost one. Nothing else is asked.
link-once = The link works once, and for an hour.

## Problems: what stands above a form

problem-prefix = Error:
problem-heading = There is a problem
problem-username-missing = Enter a username.
problem-username-rule = A username has 1 to 64 characters: letters a to z, digits and . _ - @ +
problem-username-taken = That username is taken. Try another.
problem-group-missing = Enter the name of a group.
problem-group-rule = The name of a group has 1 to 64 characters: letters a to z, digits and . _ -
problem-group-taken = There is a group of that name already. Take another name.
problem-password-missing = Enter a password.
problem-password-short = That password is too short. Use at least 8 characters.
problem-password-long = That password is too long. Use at most 256 characters.
problem-password-common = That password is one of the first that anybody tries. Try a few unrelated words.
problem-password-of-name = That password is made of your username. Try a few unrelated words.
problem-password-of-site = That password is made of the name of this site. Try a few unrelated words.
problem-password-repeats = That password repeats the same characters. Try a few unrelated words.
problem-password-sequence = That password follows the alphabet or the keyboard. Try a few unrelated words.
problem-password-date = That password is a date. Try a few unrelated words.
problem-bad-credentials = The username or password is not right.
problem-bad-name-or-code = The username or code is not right. If you just used this code, wait for the next one.
problem-bad-name-or-recovery = The username or recovery code is not right. Check every letter, or use another code: each works once.
problem-code-missing = Enter the 6-digit code.
problem-code-not-digits = The code must be 6 digits, as your app shows them.
problem-code-looks-like-recovery = That looks like a recovery code. To use it, choose “I can’t use my authenticator”.
problem-code-wrong = That code is not right. Codes change every 30 seconds: use the newest one. If it keeps failing, check that your phone sets its time automatically. Server time: { $time }.
problem-code-used = That code has been used already. Wait for the next one.
problem-code-behind = Your phone’s clock is { $duration } behind. Turn on automatic date and time, then use the newest code.
problem-code-ahead = Your phone’s clock is { $duration } ahead. Turn on automatic date and time, then use the newest code.
problem-code-old = That code is of an old entry in your app, “{ $label }”, which stopped working on { $date }. Use the newer entry, and delete the old one.
problem-code-other = That code is of your other entry, “{ $label }”. Use the code of the one you are just adding.
problem-code-second = The code that comes right after it has 6 digits, too.
problem-code-not-in-a-row = Those are not two codes in a row, or one of them was used. Type one, wait for the next, and type that.
problem-no-authenticator = No authenticator is set up: an administrator has reset it. Ask them for a link to set up a new one.
problem-last-authenticator = This is your last authenticator, and without one you cannot sign in. Add another one first.
problem-password-overdue = The time to choose a password by a code alone is over. Ask an administrator for a link.
problem-authenticator-name = A name has 1 to 32 characters, and no colon or parentheses.
problem-authenticator-name-taken = Another of your authenticators has this name. Choose another.
problem-authenticators-full = You have ten authenticators, which is the most. Remove one first.
problem-token-name = A name has 1 to 64 characters.
problem-token-name-taken = Another of your tokens has this name. Choose another.
problem-token-scopes = Say what it is for, of what is offered here.
problem-token-hosts = To open programs it needs their addresses, such as calendar.example.org, without https:// and without a port. To open none, leave them away.
problem-token-days = Choose how long it is good: 1 to 1825 days.
problem-tokens-full = There are as many tokens as there may be. Revoke some first.
problem-old-missing = Say which one the new phone replaces, and what becomes of it.
problem-code-closed = After a hundred wrong codes in a row, this account takes no more of them. Use a recovery code, or ask an administrator to let you in.
problem-login-expired = You took longer than 10 minutes. Sign in again.
problem-password-next = Give the password first: the code is known already.
problem-code-next = Give the code first.
problem-login-mismatch = That sign-in was started for another username. Sign in again.
problem-cookie-missing = Your browser did not send the sign-in cookie. Allow cookies for this site and try again.
problem-recovery-missing = Enter a recovery code.
problem-recovery-wrong = That recovery code is not right. Check every letter, or use another one: each works once.
problem-saved-missing = Tick the box when you have saved the codes.
problem-registrations-full = Too many accounts are being created right now. Try again in half an hour.
problem-name-held = Somebody is registering that username right now. Try another, or come back in 30 minutes.
problem-field-unknown = This form has no field “{ $field }”. Leave it out and send the form again.
problem-field-repeated = The field “{ $field }” came more than once. Send it once.
problem-field-missing = The field “{ $field }” did not arrive. Send the form again with it.

## Pages that only say something

to-start = Go to the start page
start-again = Start again
not-enrolling-heading = Nothing is being set up here
not-enrolling-text = Register first, or begin with another authenticator, and send the cookie that you get with the request.
bad-page-heading = There is no such part of the list
bad-page-text = Send as after what the answer before had as next, and as limit a number from 1 to 200
bad-json-heading = The request cannot be read
bad-json-text = Send a JSON object with the fields that this address takes, each once, and no others
not-json-heading = That is not JSON
not-json-text = Send the fields as a JSON object, and say so with “Content-Type: application/json”.
no-token-heading = A token is needed
no-token-text = Send one that is still good as “Authorization: Bearer lk_…”. An administrator makes it with “latchkey token add”
not-in-scope-heading = This token was made for something else
not-in-scope-text = An administrator can make one with the scope that this address needs
no-such-app-heading = Nothing is opened at that address
no-such-app-text = You were sent here to sign in for a program that this server does not know. Check the address you came from, or tell the person who runs this server.
app-refused-heading = This door is not open to you
app-refused-text = You are signed in, but the rules here do not let you in to { $host }. If you should be, give the reference to the person who runs this server.
app-lost-heading = You did not arrive
app-lost-text = You are signed in here, but your browser did not arrive at { $host } in time, or keeps no cookies for it.
app-lost-again = Try once more
not-found-heading = Page not found
not-found-text = There is nothing at this address. Check it, or go to the start page.
forbidden-heading = You may not open this page
forbidden-text = Your account has no access to it. If you need it, ask an administrator.
owners-only-heading = Only an owner may do that
owners-only-text = Administrators, and tokens, look after people who are neither administrators nor owners. Roles are given by owners.
forbidden-origin-heading = That form came from another site
forbidden-origin-text = This server only accepts its own forms. Open the page here and send the form again.
method-not-allowed-heading = That is not how this page works
method-not-allowed-text = This address does not take that kind of request. Go to the start page and try from there.
gone-enroll-heading = This setup page has expired
gone-enroll-text = It works for 30 minutes and until its code is confirmed. Start again, or sign in if you have confirmed it.
not-signed-in-heading = You are not signed in
not-signed-in-text = Sign in at /login, and send the session cookie with the request.
gone-codes-heading = The recovery codes cannot be shown any more
gone-codes-text = They were saved, or fifteen minutes have passed. The codes you have kept stay good.
gone-link-heading = This link no longer works
gone-link-text = Every link works once and for a limited time, and a newer one replaces it. Ask the person who sent it for a new one.
bad-encoding-heading = The form arrived damaged
bad-encoding-text = Its text is not UTF-8, so it could be misread. Go back, reload the page and send the form again.
too-slow-heading = The form took too long to arrive
too-slow-text = Only a part of it came within ten seconds. Go back and send it again.
too-large-heading = That is too much
too-large-text = The form is larger than this server accepts. Go back and enter less.
headers-too-large-heading = Your browser sent too much
headers-too-large-text = Its headers are larger than this server accepts. Delete the cookies of this site, then try again.
wrong-type-heading = That is not a web form
wrong-type-text = This address takes forms as a browser sends them: application/x-www-form-urlencoded.
misdirected-heading = This is not the server’s address
misdirected-text = Open { $url } instead.
misdirected-detail = Is that not right either? The person who runs this server sets the address as public_url.
resting-heading = Too many tries
resting-text = You can try again at { $time }.
resting-left = You can try again in { $duration }.
resting-done = You can try again now.
resting-why = After several wrong tries a name rests for a while, so that nobody can guess their way in.
door-closed-heading = Too many wrong tries
door-closed-text = Too many wrong tries from browsers we do not know. Sign in from a browser you have used before, or ask the person who runs this server for a link.
busy-heading = Very busy right now
busy-text = Too many people are signing in at the same moment. Wait a few seconds and try again.
database-away-heading = The server cannot reach its records
database-away-text = Try again in a minute. If it lasts, tell the person who runs this server.
broken-heading = Something went wrong on our side
broken-text = Try again. If it happens again, tell the person who runs this server, and give them the reference.

## The API to read, at /api

api-heading = The JSON API
api-lead = For programs. Sign in over JSON and keep the cookies, or send a token as “Authorization: Bearer lk_…”. Where both come, the token counts.
api-document = OpenAPI document
api-field = Name
api-kind = Kind
api-meaning = Meaning
api-optional = optional
api-parameters = In the address
api-takes = In the body
api-answers = Answered with { $status }
api-answers-nothing = Answered with { $status } and no body
api-refuses = Refused with { $statuses }
api-statuses = What the refusals mean
api-who-anyone = Anybody may ask.
api-who-enrolling = Whoever is setting up an authenticator may ask, by the cookie of that.
api-who-half = Whoever has given the first factor may ask, by the cookie of that.
api-who-person = Whoever is signed in may ask, by the cookie of the session. No token.
api-who-person-or = Whoever is signed in may ask, by the cookie of the session, or a token with the scope { $scope }.
api-who-admin-or = Administrators may ask, by the cookie of the session, or a token with the scope { $scope }.
api-who-program = A token with the scope { $scope } may ask.
