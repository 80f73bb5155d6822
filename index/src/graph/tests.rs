//! Graphs that are frozen, saved, followed and damaged.
