#pragma once

// The values of one `local`, by thread.
//
// The table holds all of them, so that they go with the object; each thread lists where it has
// one, so that they go with the thread, and to find its own without a lock.
//
//   threads   guarded by the registry's lock, which every fork keeps
//   death     a forked child keeps the values of the threads that did not come along until the
//             object goes

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace multiprocessing::threads {

class LocalValues {
 public:
  std::unordered_map<std::uint64_t, std::shared_ptr<void>> by_thread;
};

}  // namespace multiprocessing::threads
