pub mod clock;
pub mod config;
pub mod model;
pub mod monitor;
pub mod net;
pub mod probe;
