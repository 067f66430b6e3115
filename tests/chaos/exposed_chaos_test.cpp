// Kill a client over the wire, and the manager that acts for it, at each point of a call that takes
// something: an item is got by one who lives, and a lock is free or told of.

#include <chrono>
#include <csignal>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>

#include "manager/programs.hpp"
#include "support/chaos.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Programs;
using test::require;
using test::Where;

void with_all(const BaseManager& manager) {
  manager.register_type<Queue<int>>("jobs");
  manager.register_type<Lock>("lock");
  manager.register_type<Condition>("condition");
}

/// Takes the lock, whatever became of who had it before.
template <class L>
void take(const L& lock) {
  try {
    require(lock.acquire(20s));
  } catch (const LockOwnerDied&) {
    require(lock.acquire(20s));
  }
  lock.release();
}

class ExposedChaosTest : public testing::TestWithParam<Where> {
 protected:
  // One that connects, and from then on dies at the point.
  static test::Child start_victim(const Programs& programs, const test::WithManager& body) {
    const auto [point, visit] = GetParam();
    return programs.start_apart([&, point = point, visit = visit](const BaseManager& manager) {
      sys::arm_crash_point(point, visit);
      body(manager);
    });
  }
};

class ClientChaosTest : public ExposedChaosTest {};

TEST_P(ClientChaosTest, ItemOfAClientThatDiesIsLostOnlyWithOneWhoHasIt) {
  Programs programs;
  programs.serve(with_all);
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(7); });
  auto victim = start_victim(programs, [](const BaseManager& manager) {
    const auto jobs = manager.get<Proxy<Queue<int>>>("jobs");
    for (;;) {
      if (jobs.try_get(1ms) == 7) jobs.put(7);
    }
  });
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
  const bool had_it = std::string_view(std::get<0>(GetParam())) == "manager.call.taken";
  programs.run([had_it](const BaseManager& manager) {
    const auto item = manager.get<Queue<int>>("jobs").try_get(had_it ? Timeout(100ms) : 20s);
    require(item == 7 || (had_it && !item));
  });
}

TEST_P(ClientChaosTest, LockOfAClientThatDiesIsFreeOrToldOf) {
  Programs programs;
  programs.serve(with_all);
  auto victim = start_victim(programs, [](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    for (;;) {
      require(lock.acquire(20s));
      lock.release();
    }
  });
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
  programs.run([](const BaseManager& manager) { take(manager.get<Lock>("lock")); });
}

INSTANTIATE_TEST_SUITE_P(Points, ClientChaosTest,
                         testing::Values(Where("manager.call.sent", 2),
                                         Where("manager.call.sent", 3),
                                         Where("manager.call.answered", 2),
                                         Where("manager.call.answered", 3),
                                         Where("manager.call.taken", 1)),
                         test::name_of);

class ActingManagerChaosTest : public ExposedChaosTest {};

// The client finds that the manager is gone; who shares its memory goes on.
TEST_P(ActingManagerChaosTest, LockOfAManagerThatDiesActingIsFreeOrToldOf) {
  const auto [point, visit] = GetParam();
  Programs programs;
  auto& server = programs.serve([point = point, visit = visit](const BaseManager& manager) {
    with_all(manager);
    sys::arm_crash_point(point, visit);
  });
  auto survivor = programs.start([&](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    const auto condition = manager.get<Condition>("condition");
    test::hang_up();
    while (test::error_of([&] { static_cast<void>(manager.get<Lock>("lock")); }) ==
           "nothing was thrown") {
    }
    take(lock);
    take(condition);
    require(lock.acquire(1s) && condition.acquire(1s));
  });
  survivor.await_hang_up();
  const auto work = [](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    const auto condition = manager.get<Proxy<Condition>>("condition");
    for (int i = 0; i < 3; ++i) {
      require(lock.acquire(20s) && condition.acquire(20s));
      static_cast<void>(condition.wait(1ms));
      condition.release();
      lock.release();
    }
  };
  // One after the other, so that names come and go.
  for (int i = 0; i < 50 && !test::has_ended(server); ++i) {
    auto client = programs.start_apart([&](const BaseManager& manager) {
      const std::string error = test::error_of([&] { work(manager); });
      require(error == "nothing was thrown" || error.starts_with("EOFError"));
    });
    static_cast<void>(client.wait());  // connecting fails once the manager is dead
  }
  EXPECT_EQ(server.wait(), test::killed_by(SIGKILL));
  EXPECT_EQ(survivor.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(
    Points, ActingManagerChaosTest,
    testing::Values(Where("manager.reply.ready", 9), Where("manager.reply.sent", 9),
                    Where("standin.made", 1), Where("standin.made", 2), Where("standin.left", 1),
                    Where("lock.acquire.taken", 3), Where("lock.release.freed", 1),
                    Where("rlock.acquire.taken", 1), Where("condition.wait.released", 2),
                    Where("sweep.begun", 1), Where("sweep.end", 1)),
    test::name_of);

}  // namespace
}  // namespace multiprocessing
