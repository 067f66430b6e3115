#pragma once

// A name in the process table for somebody who is no process of the family: a program that uses the
// family's objects through a process of it, which takes and holds them in that name.
//
//   StandIn() --> live, its byte locked by this process --~StandIn()--> swept like a dead process
//
// Whatever the name holds is then, for everybody, what a dead process held.
//
// Invariants
//   T1  The slot's pid is that of the process that stands in, and the description that holds its
//       byte is only there: if that process dies, the name dies with it.
//   T2  Nothing is done in the name once the object has gone.
//
// Death
//   before the slot has its pid     the byte is free: swept like a child that never came to life
//   while it stands in              the byte is free: swept like a process
//   in the destructor               the same
// Points: standin.made, standin.left

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "shm/name.hpp"

namespace multiprocessing::shm {

class ChildSlot;

class StandIn {
 public:
  /// \throws std::system_error if the process table is full
  explicit StandIn(std::string_view title);
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;
  ~StandIn();  // in a forked child: nothing

  [[nodiscard]] Name name() const noexcept { return name_; }

 private:
  std::unique_ptr<ChildSlot> slot_;
  Name name_;
  pid_t pid_;
};

}  // namespace multiprocessing::shm
