use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use strongroom_core::Tenant;

use crate::{AuditError, Order, leaf::take};

/// Where a listing goes on. Displays as a text without meaning for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    tenant: Tenant,
    order: Order,
    index: u64,
}

const FORMAT: u8 = 1;

impl Cursor {
    /// Oldest first, the entry with this number comes next; newest first, the one before it. So whoever has read a log
    /// to its end goes on with what comes in: one past the last number, oldest first.
    pub const fn at(tenant: Tenant, order: Order, index: u64) -> Self {
        Self { tenant, order, index }
    }

    /// Reads what it displays as.
    ///
    /// # Errors
    /// [`AuditError::Cursor`].
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| AuditError::Cursor)?;
        Self::read(&bytes).ok_or(AuditError::Cursor)
    }

    /// The number in the listing of this tenant in this order.
    pub(crate) fn place(&self, tenant: Tenant, order: Order) -> Result<u64, AuditError> {
        if (self.tenant, self.order) == (tenant, order) { Ok(self.index) } else { Err(AuditError::Cursor) }
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let [format, order] = take(&mut bytes)?;
        let order = match order {
            0 => Order::NewestFirst,
            1 => Order::OldestFirst,
            _ => return None,
        };
        let tenant = Tenant::from_bytes(take(&mut bytes)?);
        let index = u64::from_be_bytes(take(&mut bytes)?);
        (format == FORMAT && bytes.is_empty()).then_some(Self { tenant, order, index })
    }
}

impl FromStr for Cursor {
    type Err = AuditError;
    fn from_str(text: &str) -> Result<Self, AuditError> {
        Self::parse(text)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, order, index } = self;
        let order = match order {
            Order::NewestFirst => 0,
            Order::OldestFirst => 1,
        };
        let bytes = [&[FORMAT, order], tenant.as_bytes().as_slice(), &index.to_be_bytes()].concat();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}
