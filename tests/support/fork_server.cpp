#include "support/fork_server.hpp"

#include <gtest/gtest.h>

#include "shm/process_table.hpp"
#include "shm/slot_word.hpp"
#include "support/child.hpp"

namespace multiprocessing::test {

shm::Name fork_server() {
  const std::uint64_t used = shm::arena().header().slots_used.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < used; ++i) {
    shm::Slot& slot = shm::slot_at(i);
    const shm::Name name{i, shm::generation_of(slot.state.load(std::memory_order_acquire))};
    if (shm::is_live(name) && !shm::is_dead(name) &&
        slot.parent.load(std::memory_order_acquire) == shm::pack_name(shm::self()) &&
        shm::title_of(name) == "multiprocessing.forkserver") {
      return name;
    }
  }
  return {};
}

pid_t fork_server_pid() {
  return shm::pid_of(fork_server());
}

std::optional<int> code_of(Process& process) {
  process.start();
  require(process.join());
  return process.exitcode();
}

void with_fork_server(const std::function<void(pid_t server)>& body) {
  const Status status = in_a_program([&] {
    require(served([] {}) == 0);
    require(fork_server_pid() != 0);
    body(fork_server_pid());
  });
  EXPECT_EQ(status, exited(0));
}

}  // namespace multiprocessing::test
