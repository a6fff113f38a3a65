//! Reusable views.

mod backdrop;
mod badge;
mod board;
mod change;
mod chart_legend;
#[cfg(feature = "hydrate")]
mod chart_screen;
mod chart_stage;
mod chart_view;
mod display;
mod foot;
mod header;
pub mod icons;
mod poll;
mod price_row;
mod price_table;
mod problem;
mod range_track;
mod sort;
mod span;
mod star;
mod table_head;
mod table_query;
mod tiles;
mod waiting;
mod wash;

pub use backdrop::{Behind, BehindSignal, Past};
pub use badge::Badge;
pub use board::{Board, LiveQuote};
pub use change::Change;
pub use chart_view::ChartView;
pub use display::{DisplayMenu, LanguageSwitch};
pub use foot::{Foot, sentence_when_read};
pub use header::{Header, SourcePill};
pub use icons::Empty;
pub use poll::every;
pub use price_table::PriceTable;
pub use problem::{Problem, set_status};
pub use range_track::RangeTrack;
pub use sort::{Sort, SortKey};
pub use span::Span;
pub use star::{WatchButton, WatchStar};
pub use table_head::TableHead;
pub use table_query::{Shown, TableQuery};
pub use tiles::Tiles;
pub use waiting::Waiting;
