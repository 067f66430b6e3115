#include "support/chaos.hpp"

#include <sys/wait.h>

#include <cctype>
#include <csignal>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "shm/slot_word.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::test {

std::string name_of(const testing::TestParamInfo<Where>& info) {
  std::string name;
  for (const char* c = std::get<0>(info.param); *c != '\0'; ++c) {
    if (std::isalnum(static_cast<unsigned char>(*c)) != 0) name += *c;
  }
  return name + "At" + std::to_string(std::get<1>(info.param));
}

Child run_armed(const char* point, int visit, const std::function<void()>& body) {
  return Child::run([&] {
    sys::arm_crash_point(point, visit);
    body();
  });
}

Child run_armed(const char* point, const std::function<void()>& body) {
  return run_armed(point, 1, body);
}

Child run_to_stop(const char* point, int visit, const std::function<void()>& body) {
  Child child = Child::run([&] {
    sys::arm_stop_point(point, visit);
    body();
  });
  EXPECT_TRUE(child.await_stop()) << point << " was not visited " << visit << " times";
  return child;
}

void expect_death_at(const char* point, int visit, const std::function<void()>& body) {
  EXPECT_EQ(run_armed(point, visit, body).wait(), killed_by(SIGKILL))
      << point << " was not visited " << visit << " times";
}

bool has_ended(const Child& child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

void bury_all() {
  while (shm::bury_the_dead() != 0) {
  }
}

int taken_slots() {
  bury_all();
  int taken = 0;
  const std::uint64_t used = shm::arena().header().slots_used.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < used; ++i) {
    const std::uint64_t word = shm::slot_at(i).state.load(std::memory_order_acquire);
    taken += shm::state_of(word) == shm::SlotState::free ? 0 : 1;
  }
  return taken;
}

std::size_t blocks_in_use() {
  bury_all();
  return shm::census().blocks;
}

void ChaosRun::victim(const char* point, int visit, const std::function<void()>& body) {
  victims_.push_back(run_armed(point, visit, body));
}

void ChaosRun::survivor(const std::function<void()>& body) {
  survivors_.push_back(Child::run(body));
}

void ChaosRun::crowd(const std::function<void()>& body) {
  crowd_.push_back(Child::run(body));
}

void ChaosRun::expect_survival() {
  for (Child& victim : victims_) ASSERT_EQ(victim.wait(), killed_by(SIGKILL));
  for (Child& survivor : survivors_) ASSERT_EQ(survivor.wait(), exited(0));
  crowd_.clear();  // killed and reaped
}

}  // namespace multiprocessing::test
