use strongroom_barrier::Unsealed;
use strongroom_core::Tenant;
use strongroom_serve::{Head, Response};

use super::{id, rotation::stored};
use crate::answer;

/// Which part of all tenants is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    after: Option<Tenant>,
    limit: usize,
}

/// The most tenants of one answer.
const MOST: usize = 100;

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: MOST }
    }
}

impl Page {
    /// `after`, a tenant's id, and `limit`, 1 to 100, of a query.
    pub(super) fn of(head: &Head<'_>) -> Result<Self, Response> {
        let after = match head.parameter("after").map_err(Response::from)? {
            None => None,
            Some(text) => {
                let id = id::parse(&text).ok_or_else(|| answer::bad_request("'after' must be a tenant's id"));
                Some(Tenant::from_bytes(id?))
            }
        };
        let limit = match head.parameter("limit").map_err(Response::from)? {
            None => MOST,
            Some(text) => {
                let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
                number.ok_or_else(|| answer::bad_request("'limit' must be a number from 1 to 100"))?
            }
        };
        Ok(Self { after, limit })
    }

    /// The tenants, and after which to ask on if there may be more.
    pub(super) fn tenants(&self, unsealed: &Unsealed) -> Result<(Vec<Tenant>, Option<String>), Response> {
        let tenants = stored(unsealed.tenants(self.after, self.limit))?;
        let next = tenants.last().filter(|_| tenants.len() == self.limit).map(Tenant::to_string);
        Ok((tenants, next))
    }
}
