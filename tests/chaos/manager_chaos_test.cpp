// Kill a program that joins a manager's memory, and the manager that hands it over, at each point.

#include <chrono>
#include <csignal>

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

void with_jobs(const BaseManager& manager) {
  manager.register_type<Queue<int>>("jobs");
  manager.register_type<Queue<int>>("end");  // of the one that was there before
}

void put_and_get(const BaseManager& manager) {
  require(manager.shares_memory());
  const auto jobs = manager.get<Queue<int>>("jobs");
  jobs.put(7);
  require(jobs.get(10s) == 7 && jobs.empty());
}

class JoinChaosTest : public testing::TestWithParam<Where> {};

TEST_P(JoinChaosTest, ClientThatDiesWhileItJoinsHurtsNobody) {
  const auto [point, visit] = GetParam();
  Programs programs;
  programs.serve(with_jobs);
  auto before = programs.start(
      [&](const BaseManager& manager) { require(manager.get<Queue<int>>("end").get(20s) == 1); });
  test::expect_death_at(point, visit, [&] { programs.manager().connect(); });
  programs.run(put_and_get);
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("end").put(1); });
  EXPECT_EQ(before.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Points, JoinChaosTest,
                         testing::Values(Where("manager.offer.received", 1),
                                         Where("join.adopted", 1), Where("join.stored", 1),
                                         Where("slot.claim.locked", 1),
                                         Where("slot.claim.claimed", 1)),
                         test::name_of);

class OfferChaosTest : public testing::TestWithParam<Where> {};

TEST_P(OfferChaosTest, ManagerThatDiesWhileItHandsOverIsReportedAndReplaced) {
  const auto [point, visit] = GetParam();
  Programs programs;
  auto& victim = programs.serve([&, point = point, visit = visit](const BaseManager& manager) {
    with_jobs(manager);
    sys::arm_crash_point(point, visit);
  });
  auto client = test::Child::run([&] {
    const std::string error = test::error_of([&] { programs.manager().connect(); });
    // Once all three are sent, the client may be done before it hears of the death.
    require(error.starts_with("EOFError") || (visit == 3 && error == "nothing was thrown"));
  });
  EXPECT_EQ(client.wait(), test::exited(0));
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
  programs.serve(with_jobs);
  programs.run(put_and_get);
}

INSTANTIATE_TEST_SUITE_P(Points, OfferChaosTest,
                         testing::Values(Where("manager.offer.sent", 1),
                                         Where("manager.offer.sent", 2),
                                         Where("manager.offer.sent", 3)),
                         test::name_of);

}  // namespace
}  // namespace multiprocessing
