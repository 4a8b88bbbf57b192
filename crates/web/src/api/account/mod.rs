//! `/api/v1/account`: what somebody has. Each part of it has a file of its own beside this one.

pub(crate) mod activity;
pub(crate) mod authenticators;
pub(crate) mod proof;
pub(crate) mod recovery_codes;
pub(crate) mod sessions;
pub(crate) mod tokens;

use auth::session::Session;
use auth::{App, Id, Level, Role, account, groups, recovery, timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::ask::Call;
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer};
use crate::error::Trouble;

/// So few recovery codes that it is time for new ones.
const FEW: i64 = 3;

/// Whose account it is: the session's, or that of the token's owner.
pub(crate) struct Whose {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) session: Option<Session>,
}

impl TryFrom<Asker> for Whose {
    type Error = Trouble;

    fn try_from(asker: Asker) -> Result<Whose, Trouble> {
        match asker {
            Asker::Person(session) => Ok(Whose {
                id: session.user_id.clone(),
                name: session.name.clone(),
                role: session.role,
                session: Some(session),
            }),
            Asker::Program(token) => {
                let owner = token.owner.ok_or(Trouble::NotInScope)?;
                Ok(Whose { id: owner.id, name: owner.name, role: owner.role, session: None })
            }
        }
    }
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    /// An id that stays, whatever else changes.
    id: String,
    /// The name as typed at registration.
    username: String,
    /// What they may do to the place.
    role: RoleName,
    /// The groups that they belong to.
    groups: Vec<String>,
    /// How many recovery codes are left, of ten.
    recovery_codes_left: i64,
    /// What they should do soon.
    to_do: Vec<ToDo>,
    /// The session that asks; null for a token.
    #[schema(required = true)]
    session: Option<Here>,
}

/// The session that asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Here {
    /// Its id.
    id: String,
    /// What was proven: 1 by a code alone, 2 by password and code.
    #[schema(minimum = 1, maximum = 2)]
    level: u8,
    /// Whether there is a password.
    has_password: bool,
    /// When it began.
    #[schema(format = DateTime)]
    signed_in_at: String,
    /// When all factors were last given.
    #[schema(format = DateTime)]
    proved_at: String,
    /// Whether that is fresh enough to change something: within the last five minutes.
    fresh: bool,
}

/// Something to do soon.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToDo {
    /// The recovery codes can still be shown, and nobody has said that they are saved.
    SaveRecoveryCodes,
    /// Three recovery codes are left, or fewer.
    RenewRecoveryCodes,
}

/// What somebody may do to the place.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleName {
    /// Nothing.
    User,
    /// Look after people and groups.
    Admin,
    /// Everything.
    Owner,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Role {
        match role {
            RoleName::User => Role::User,
            RoleName::Admin => Role::Admin,
            RoleName::Owner => Role::Owner,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> RoleName {
        match role {
            Role::User => RoleName::User,
            Role::Admin => RoleName::Admin,
            Role::Owner => RoleName::Owner,
        }
    }
}

/// Shows who asks, and what they have left.
#[utoipa::path(get, path = "", responses((status = 200, body = Account)))]
pub(crate) async fn show(call: Call, asker: Asker) -> ApiResult {
    let whose = Whose::try_from(asker)?;
    let app = &call.app;
    let left = recovery::left(app, &whose.id).await?;
    let mut to_do = Vec::new();
    if let Some(session) = &whose.session
        && recovery::sheet(app, session).await?.is_some()
    {
        to_do.push(ToDo::SaveRecoveryCodes);
    }
    if left <= FEW {
        to_do.push(ToDo::RenewRecoveryCodes);
    }
    answer(&Account {
        id: whose.id.to_string(),
        username: whose.name,
        role: whose.role.into(),
        groups: groups::of_user(app, &whose.id).await?,
        recovery_codes_left: left,
        to_do,
        session: whose.session.map(|session| here(app, &session)),
    })
}

fn here(app: &App, session: &Session) -> Here {
    Here {
        id: session.id.to_string(),
        level: if session.level == Level::Full { 2 } else { 1 },
        has_password: session.has_password,
        signed_in_at: timestamp(session.created_at),
        proved_at: timestamp(session.proved_at),
        fresh: account::is_fresh(app, session),
    }
}
