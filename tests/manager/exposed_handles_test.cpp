// Handles that are used over the wire, by programs that share no memory with the manager.

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>

#include "manager/programs.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::exited;
using test::Programs;
using test::require;

void with_handles(const BaseManager& manager) {
  manager.register_type<Queue<std::string>>("jobs",
                                            [queue = Queue<std::string>(2)] { return queue; });
  manager.register_type<Queue<Queue<int>>>("queues");
  manager.register_type<Dict<std::string, int>>("ages");
  manager.register_type<Value<int>>("count");
  manager.register_type<Event>("begun");
  manager.register_type<Lock>("lock");
}

TEST(ExposedHandlesTest, WireAndSharedMemoryMeet) {
  Programs programs(Programs::some_port());
  programs.serve(with_handles);
  auto apart = programs.start_apart([](const BaseManager& manager) {
    const auto jobs = manager.get<Proxy<Queue<std::string>>>("jobs");
    require(error_of([&] { static_cast<void>(jobs.get_nowait()); }).starts_with("Empty"));
    jobs.put("one");
    jobs.put("two");
    require(jobs.full() && jobs.qsize() == 2);
    require(!jobs.try_put("three", 300ms));
    const auto ages = manager.get<Proxy<Dict<std::string, int>>>("ages");
    ages.set("hermione", 16);
    require(error_of([&] { static_cast<void>(ages.at("ron")); }).starts_with("KeyError: ron") ||
            error_of([&] { static_cast<void>(ages.at("ron")); }).starts_with("KeyError: 'ron'"));
    require(ages.get("ron") == std::nullopt && ages.at("hermione") == 16 && ages.size() == 1);
    manager.get<Proxy<Value<int>>>("count").set(5);
    test::hang_up();
    require(manager.get<Proxy<Event>>("begun").wait(20s));
    require(jobs.get(20s) == "two" && jobs.empty());
    jobs.put("three");
    require(manager.get<Proxy<Value<int>>>("count").get() == 6);
  });
  apart.await_hang_up();
  programs.run([](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<std::string>>("jobs");
    require(jobs.get(10s) == "one");
    require(manager.get<Dict<std::string, int>>("ages").at("hermione") == 16);
    manager.get<Value<int>>("count").fetch_add(1);
    manager.get<Event>("begun").set();
    while (jobs.get(20s) != "three") jobs.put("two");
  });
  EXPECT_EQ(apart.wait(), exited(0));
}

TEST(ExposedHandlesTest, ItemThatCannotBeSentIsNotTaken) {
  Programs programs;
  programs.serve(with_handles);
  programs.run([](const BaseManager& manager) {
    const Queue<int> inner;
    inner.put(1);
    manager.get<Queue<Queue<int>>>("queues").put(inner);
  });
  auto apart = programs.start_apart([](const BaseManager& manager) {
    const auto queues = manager.get<Proxy<Queue<Queue<int>>>>("queues");
    require(error_of([&] { static_cast<void>(queues.get(10s)); }).starts_with("TransferError"));
  });
  EXPECT_EQ(apart.wait(), exited(0));
  programs.run([](const BaseManager& manager) {
    require(manager.get<Queue<Queue<int>>>("queues").get(10s).get(10s) == 1);
  });
}

TEST(ExposedHandlesTest, ItemForACallerThatIsKilledIsNotLost) {
  Programs programs;
  programs.serve(with_handles);
  auto victim = programs.start_apart([](const BaseManager& manager) {
    const auto jobs = manager.get<Proxy<Queue<std::string>>>("jobs");
    std::thread getter([&] { static_cast<void>(jobs.get()); });
    test::hang_up_and_wait();
  });
  victim.await_hang_up();
  victim.kill(SIGKILL);
  static_cast<void>(victim.wait());
  programs.run([](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<std::string>>("jobs");
    jobs.put("for the living");
    require(jobs.get(20s) == "for the living");
  });
}

TEST(ExposedHandlesTest, HandleThatHasNoProxyIsRefused) {
  Programs programs;
  programs.serve(with_handles);
  auto apart = programs.start_apart([](const BaseManager& manager) {
    const std::string error = error_of([&] { static_cast<void>(manager.get<Lock>("lock")); });
    require(error.starts_with("TransferError: 'lock', a "));
  });
  EXPECT_EQ(apart.wait(), exited(0));
}

}  // namespace
}  // namespace multiprocessing
