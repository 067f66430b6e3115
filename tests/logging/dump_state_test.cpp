// dump_state of a family in a known state, and of one that never rests.

#include <multiprocessing/logging.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <regex.h>

#include <chrono>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

std::string state() {
  std::ostringstream out;
  dump_state(out);
  return out.str();
}

/// Extended regular expressions, and \d and \n. (std::regex makes GCC 12 warn under sanitizers.)
bool is_found(std::string pattern, const std::string& text) {
  for (const auto& [escape, meaning] : {std::pair("\\d", "[0-9]"), std::pair("\\n", "\n")}) {
    for (auto at = pattern.find(escape); at != std::string::npos; at = pattern.find(escape)) {
      pattern.replace(at, 2, meaning);
    }
  }
  regex_t expression;
  if (regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    throw std::invalid_argument(pattern);
  }
  const bool found = regexec(&expression, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&expression);
  return found;
}

/// Until it says so: a sleeper is there only once it sleeps. ctest's time-out is the watchdog.
void await_line(const std::string& pattern) {
  while (!is_found(pattern, state())) std::this_thread::yield();
}

TEST(DumpStateTest, TellsWhoHoldsALockAndWhoWaitsForIt) {
  const Lock lock;
  test::Gate held;
  test::Gate leave;
  Process holder({.name = "holder"}, [&] {
    const std::lock_guard guard(lock);
    held.open();
    leave.pass();
  });
  holder.start();
  held.pass();
  Process waiter({.name = "waiter"}, [&] { const std::lock_guard guard(lock); });
  waiter.start();

  await_line(R"(  Lock #\d+: held by holder \(pid )" + std::to_string(*holder.pid()) +
             R"(\)\n      waiting: waiter \(pid )" + std::to_string(*waiter.pid()) + R"(\)\n)");
  await_line(std::to_string(*waiter.pid()) + R"( waiter, child of [^\n]*\n      waits for Lock #)");

  leave.open();
  holder.join();
  waiter.join();
}

// A daemonic child that waits for ever.
struct Blocked {
  const char* name;
  const char* what;  // as both lists have it
  std::function<void()> wait;
};

TEST(DumpStateTest, TellsWhatEachOfManyWaitsFor) {
  const RLock rlock;
  const Semaphore semaphore(0);
  const Condition condition;
  const Barrier barrier(3);
  const Queue<int> empty;
  const Queue<int> full(1);
  const Value<int> value(1);
  full.put(1);
  rlock.acquire();
  rlock.acquire();
  const std::lock_guard guard(value.get_lock());
  const std::vector<Blocked> all{
      {"one", R"(RLock #\d+: held by MainProcess \(pid \d+\), 2 times)", [=] { rlock.acquire(); }},
      {"two", R"(Semaphore #\d+: 0 permits)", [=] { semaphore.acquire(); }},
      {"three", R"(Condition #\d+: 1 waiting, 0 notified, lock #\d+)",
       [=] {
         const std::lock_guard held(condition);
         condition.wait();
       }},
      {"four", R"(Barrier #\d+: 1 of 3 parties are there)", [=] { barrier.wait(); }},
      {"five", R"(Queue #\d+: 0 items)", [=] { (void)empty.get(); }},
      {"six", R"(Queue #\d+: 1 item of 1)", [=] { full.put(2); }},
      {"seven", R"(Value #\d+: 1 x 4 bytes, held by MainProcess \(pid \d+\))",
       [=] { value.set(2); }}};
  std::vector<Process> children;
  for (const Blocked& one : all) {
    children.emplace_back(ProcessOptions{.name = one.name, .daemon = true}, one.wait);
    children.back().start();
  }

  for (const Blocked& one : all) {
    const std::string what = one.what;
    await_line(std::string(R"(  \d+ )") + one.name +
               R"(, child of MainProcess [^\n]*\n      waits for )" + what + R"(\n)");
    await_line("  " + what + R"(\n      waiting: )" + one.name + R"( \(pid \d+\)\n)");
  }
  for (Process& child : children) child.kill();
}

TEST(DumpStateTest, TellsHowMuchIsInEachQueue) {
  const Queue<int> bounded(7);
  const Queue<std::string> unbounded;
  for (int i = 0; i < 3; ++i) bounded.put(i);
  for (int i = 0; i < 40; ++i) unbounded.put(std::string(100, 'x'));
  Process child([&] { unbounded.put("from another lane"); });
  child.start();
  child.join();
  (void)unbounded.get();

  await_line(R"(Queue #\d+: 3 items of 7\n)");
  await_line(R"(Queue #\d+: 40 items\n)");
  bounded.shutdown();
  await_line(R"(Queue #\d+: 3 items of 7, shut down\n)");
}

TEST(DumpStateTest, TellsOfEveryKindOfObject) {
  const Event event;
  event.set();
  const BoundedSemaphore semaphore(4);
  semaphore.acquire();
  const Barrier barrier(3);
  const Condition condition;
  const Value<int> value(5);
  const std::lock_guard guard(value.get_lock());
  const Array<double> array(10);
  const auto dict = Manager().dict<std::string, int>();
  dict.set("a", 1);
  for (const char* line : {R"(Event #\d+: set\n)", R"(Semaphore #\d+: 3 permits of 4\n)",
                           R"(Barrier #\d+: 0 of 3 parties are there\n)",
                           R"(Condition #\d+: 0 waiting, 0 notified, lock #\d+\n)",
                           R"(Value #\d+: 1 x 4 bytes, held by [^\n]*\(pid \d+\)\n)",
                           R"(Array #\d+: 10 x 8 bytes, free\n)", R"(dict #\d+: 1 entry\n)",
                           R"(memory: \d+ MiB of at most \d+ MiB; deaths so far: )"}) {
    EXPECT_TRUE(is_found(line, state())) << line << state();
  }
}

TEST(DumpStateTest, TellsWhatTheWorkersOfAPoolDo) {
  const Event go;
  Pool pool(2);
  auto result = pool.apply_async([](const Event& e) { e.wait(); }, go);

  await_line(R"(Pool #\d+: open, 2 workers, \d+ in the queue, keeper [^\n]*\n)");
  await_line(R"(      worker \d: pid \d+, runs a task, 0 done\n)");

  go.set();
  result.get();
}

TEST(DumpStateTest, NeverTripsOverAFamilyThatChanges) {
  const Event stop;
  std::vector<Process> makers;
  for (int i = 0; i < 2; ++i) {
    makers.emplace_back([stop] {
      while (!stop.is_set()) {
        const Queue<std::string> queue;
        for (int k = 0; k < 20; ++k) queue.put(std::string(static_cast<std::size_t>(k * 200), 'x'));
        const Condition condition;
        const Barrier barrier(2);
        const auto dict = Manager().dict<int, int>();
        for (int k = 0; k < 20; ++k) dict.set(k, k);
      }
    });
    makers.back().start();
  }
  const auto end = std::chrono::steady_clock::now() + 500ms;
  while (std::chrono::steady_clock::now() < end) EXPECT_NE(state(), "");
  stop.set();
  for (Process& maker : makers) maker.join();
}

}  // namespace
}  // namespace multiprocessing
