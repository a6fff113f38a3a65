//! One verb a file.

pub mod admin;
mod asked;
pub mod build;
pub mod cache;
pub mod cluster;
pub mod doctor;
pub mod down;
mod foreground;
pub mod logs;
pub mod reset;
pub mod sqlx;
pub mod status;
mod supervisor;
pub mod up;
