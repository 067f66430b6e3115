#pragma once

// Functions that the pool's tests have called in workers.

#include <string>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::test {

inline int square(int x) {
  return x * x;
}
inline std::string shout(const std::string& word) {
  return word + "!";
}
inline void spin() {
  for (volatile bool on = true; on;) {  // volatile: Clang ends a loop that does nothing else
  }
}
inline int three_is_bad(int x) {
  if (x == 3) throw ValueError("three");
  return x;
}

}  // namespace multiprocessing::test
