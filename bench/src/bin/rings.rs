//! The server of key rings as the suite's programs run it, over HTTP without TLS: `rings FOLDER SECRET`. It prints where
//! it listens.

use std::{alloc::System, env, error::Error, net::Ipv4Addr, path::PathBuf, sync::Arc};

use strongroom_sm_kms::{SecretFile, listen, node, open_store, serve};
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(secret)) = (arguments.next(), arguments.next()) else {
        return Err("usage: rings FOLDER SECRET".into());
    };
    let server = listen((Ipv4Addr::LOCALHOST, 0).into(), None)?;
    let address = server.local_addr();
    let node = Arc::new(node(open_store(&folder)?, vec![SecretFile::new(secret)])?);
    node.unseal_with_secrets()?;
    println!("{address}");
    Ok(serve(&node, server)?)
}
