//! Reusable views.

mod badge;
mod board;
mod change;
mod chart_view;
mod foot;
mod header;
mod poll;
mod price_row;
mod price_table;
mod problem;
mod range_track;
mod sort;
mod tiles;
mod wash;

pub use badge::Badge;
pub use board::{Board, LiveQuote};
pub use change::Change;
pub use chart_view::ChartView;
pub use foot::{Foot, sentence_when_read};
pub use header::{Header, SourcePill};
pub use poll::every;
pub use price_table::PriceTable;
pub use problem::{Problem, set_status};
pub use range_track::RangeTrack;
pub use sort::{Sort, SortKey};
pub use tiles::Tiles;
