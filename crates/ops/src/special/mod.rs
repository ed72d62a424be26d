//! Special functions with their derivatives: candle has none of them.
