#pragma once

// A live CPython as the other end: peer.py in a process of its own.
//
//   test::Python python({"serve", "('localhost', 0)", "secret"});
//   const std::string address = python.line();
//   ...
//   EXPECT_EQ(python.wait(), 0);
//
// MULTIPROCESSING_TEST_PYTHON names another interpreter than the one that the build has found.

#include <sys/types.h>

#include <string>
#include <vector>

namespace multiprocessing::test {

class Python {
 public:
  explicit Python(const std::vector<std::string>& arguments);
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;
  /// Kills and reaps one that was not waited for.
  ~Python();

  /// The next line of its standard output; empty at the end.
  std::string line();

  /// Its exit code; 128 more than the signal that killed it.
  int wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace multiprocessing::test
