#pragma once

/// Inserts that many entries into a Dict and into its peer, each set timed by itself, and prints
/// the worst of them and the memory that an entry takes.
void measure_inserts(int entries);
