//! Service tokens: random texts that stand for a row in the store.

mod cache;
mod cidr;
mod end;
mod error;
mod new_token;
mod record;
mod service_tokens;
mod tables;
mod view;

pub use cidr::{Cidr, InvalidCidr};
pub use error::TokenError;
pub use new_token::{Creator, NewToken, policy_name};
pub use service_tokens::{Accessors, Created, ServiceTokens, TokenLimits};
pub use view::TokenView;
