#pragma once

// What a process could leave behind: open descriptors, names in /dev/shm, child processes.
//
//   const test::FdSnapshot before;
//   ...
//   EXPECT_EQ(test::FdSnapshot(), before);
//
// Take the first one after the library's first use, which opens descriptors that stay.
// /dev/shm belongs to the whole machine: names there are compared where it is asked for, in tests
// that run alone (label timing).

#include <iosfwd>
#include <set>
#include <string>

namespace multiprocessing::test {

class FdSnapshot {
 public:
  enum class Names { ignore, compare };

  explicit FdSnapshot(Names names = Names::ignore);

  friend bool operator==(const FdSnapshot&, const FdSnapshot&) = default;
  friend std::ostream& operator<<(std::ostream& out, const FdSnapshot& snapshot);

 private:
  std::set<std::string> found_;
};

}  // namespace multiprocessing::test
