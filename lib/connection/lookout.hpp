#pragma once

// The descriptor of a connection through rings: readable when something may have come, or somebody
// who held the other end has ended.
//
// A group of descriptors (sys/descriptor_group.hpp): that of the queue, a pidfd of each other
// process that holds the other end, and a timer. Who sleeps in an event loop of his own takes part
// in no watch; so the kernel itself must tell him of a death, and he looks then by `poll` or
// `recv`, which bury the dead and bring the group up to date.
//
// Invariants
//   I1  After `refresh`, each living process that holds the other end is in the group, as far as
//       there are descriptors; if none of them is, and the end is held all the same (by a process
//       on its way into the world, by messages alone), the timer is set.
//   I2  Whoever comes to hold an end later was forked by one who held it, or rings those who wait
//       at the other side (`detail::ring_queue`); so does who lets go of it and lives. So the last
//       one cannot go unnoticed: the group is readable, and stays so, until the next `refresh`.
//       Where nobody is in the group, whoever polls looks again each time that the timer ends, and
//       so buries whoever could have received the end.
//
// Process-local; a forked child makes its own.

#include <mutex>
#include <vector>

#include "shm/object.hpp"
#include "sys/descriptor_group.hpp"
#include "sys/fd.hpp"
#include "sys/timer_descriptor.hpp"

namespace multiprocessing::connection {

class Lookout {
 public:
  /// \throws std::system_error
  Lookout(int queue, shm::ObjectId peer);

  [[nodiscard]] int fd() const noexcept { return group_.fd(); }
  /// Buries the dead who held the other end, and goes by those who hold it now.
  void refresh() noexcept;

 private:
  struct Watched {
    shm::Name name;
    sys::UniqueFd pidfd;
  };

  void go_by(const std::vector<shm::Name>& holders);

  std::mutex lock_;
  shm::ObjectId peer_;
  sys::DescriptorGroup group_;
  sys::TimerDescriptor timer_;
  std::vector<Watched> watched_;
};

}  // namespace multiprocessing::connection
