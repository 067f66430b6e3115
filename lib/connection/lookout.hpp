#pragma once

// The descriptor of a connection through rings: readable when something may have come, or somebody
// who held the other end has ended.
//
// A group of descriptors (sys/descriptor_group.hpp): that of the queue, and a pidfd of each other
// process that holds the other end. Who sleeps in an event loop of his own takes part in no watch;
// so the kernel itself must tell him of a death, and he looks then by `poll` or `recv`, which bury
// the dead and bring the group up to date.
//
// Invariants
//   I1  After `refresh`, each living process that holds the other end is in the group.
//   I2  Whoever comes to hold an end later was forked by one who held it, or rings those who wait
//       at the other side (`detail::ring_queue`); so does who lets go of it and lives. So the last
//       one cannot go unnoticed: the group is readable, and stays so, until the next `refresh`.
//
// Process-local; a forked child makes its own.

#include <mutex>
#include <vector>

#include "shm/object.hpp"
#include "sys/descriptor_group.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::connection {

class Lookout {
 public:
  /// \throws std::system_error
  Lookout(int queue, shm::ObjectId peer);

  [[nodiscard]] int fd() const noexcept { return group_.fd(); }
  /// Buries the dead who held the other end, and goes by those who hold it now. A process for
  /// which there is no descriptor left is not looked out for.
  void refresh() noexcept;

 private:
  struct Watched {
    shm::Name name;
    sys::UniqueFd pidfd;
  };

  std::mutex lock_;
  shm::ObjectId peer_;
  sys::DescriptorGroup group_;
  std::vector<Watched> watched_;
};

}  // namespace multiprocessing::connection
