#pragma once

// Which thread this is, in which of the processes that a fork made; what objects of one process do
// when that is forked, and when it ends.
//
//   sharing   private to a process
//   death     a forked child keeps the forking thread's token; all others' are nobody's there

#include <cstdint>
#include <memory>
#include <utility>

#include "sync/caller.hpp"

namespace multiprocessing::threads {

/// Never 0, and never another thread's, dead or alive, of this process or its ancestors.
std::uint64_t thread_token() noexcept;

/// The token of the thread that forked this process; 0 if it had none, or nobody forked it.
std::uint64_t forker_token() noexcept;

/// Goes up with every fork: an object that remembers another one was copied from the parent.
std::uint32_t fork_epoch() noexcept;

/// The calling thread as an owner of local locks: its token outlives a fork.
/// \throws std::system_error if the process cannot be registered (at its first use only)
sync::Caller here();

/// From now on objects that daemonic threads may use are not destroyed any more.
void abandon_objects() noexcept;
bool objects_are_abandoned() noexcept;

/// make_shared of an object that a daemonic thread may use while static objects are destroyed.
template <class T, class... Args>
std::shared_ptr<T> make_local(Args&&... args) {
  return std::shared_ptr<T>(new T(std::forward<Args>(args)...), [](T* object) {
    if (!objects_are_abandoned()) delete object;
  });
}

}  // namespace multiprocessing::threads
