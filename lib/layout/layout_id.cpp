// The layout id of this build of the library: what every room lays into the arena, summed up by the
// compiler. Declared in shm/arena.hpp, which is used by all of them and knows none.

#include "connection/layout.hpp"
#include "executor/layout.hpp"
#include "pool/layout.hpp"
#include "queue/layout.hpp"
#include "shared/layout.hpp"
#include "shm/arena.hpp"
#include "shm/arena_layout.hpp"
#include "shm/layout.hpp"
#include "sync/layout.hpp"

namespace multiprocessing::shm {
namespace {

// Encoded values lie there, too. Counted up when what the codec writes changes.
constexpr std::uint64_t kEncoding = 2;

constexpr std::uint64_t kLayoutId = []() consteval {
  return Layout("multiprocessing", kEncoding)
      .number(kArenaLayout)
      .number(sync::kLayout)
      .number(lanes::kLayout)
      .number(shared::kLayout)
      .number(connection::kLayout)
      .number(pool::kLayout)
      .number(executor::kLayout)
      .value();
}();

}  // namespace

std::uint64_t layout_id() noexcept {
  return kLayoutId;
}

}  // namespace multiprocessing::shm
