#pragma once

// A lock for rare work of the whole family: one word of the arena's header.
//
// Layout: 0, or the packed name of its holder.
// A sleeper is woken by whoever lets go, or, if that one died, by the death; it takes the lock from
// the dead.
//
// Death: the next one gets the lock and finds what the dead left half done; whoever guards
// something by it says what that can be.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace multiprocessing::shm {

class FamilyLock {
 public:
  /// Waits for family_words[word]. Not recursive.
  /// \throws KeyboardInterrupt, without the lock.
  explicit FamilyLock(std::size_t word);
  FamilyLock(const FamilyLock&) = delete;
  FamilyLock& operator=(const FamilyLock&) = delete;
  ~FamilyLock();

 private:
  std::atomic<std::uint64_t>& word_;
};

}  // namespace multiprocessing::shm
