#pragma once

// Waiting for a state that can be looked at, but that nobody announces.

#include <chrono>
#include <thread>

namespace multiprocessing::test {

/// Returns once `condition()` holds, looking every millisecond. A test in which it never does is
/// ended by ctest's time limit.
template <class Condition>
void until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace multiprocessing::test
