// Whatever fails, throws or ends on a task's way to its worker and back: its future tells, nobody
// hangs, and the executor goes on.

#include <multiprocessing/futures.hpp>

#include <signal.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace test {

enum class Act { nothing, throws, leaves, exits, dies };

/// Does something as it is encoded, or as it is decoded.
struct Trap {
  Act encoding = Act::nothing;
  Act decoding = Act::nothing;
};

inline void act(Act what) {
  switch (what) {
    case Act::nothing:
      return;
    case Act::throws:
      throw ValueError("trapped");
    case Act::leaves:
      throw SystemExit{7};
    case Act::exits:
      std::exit(7);  // NOLINT(concurrency-mt-unsafe): a worker has one thread
    case Act::dies:
      ::raise(SIGKILL);
  }
}

}  // namespace test

template <>
struct Codec<test::Trap> {
  using Parts = detail::Types<>;
  static constexpr bool kFixed = false;
  static constexpr const char* kName = "trap";
  static void encode(detail::Writer& out, const test::Trap& trap) {
    test::act(trap.encoding);
    out.plain(trap);
  }
  static test::Trap decode(detail::Reader& in) {
    const auto trap = in.plain<test::Trap>();
    test::act(trap.decoding);
    return trap;
  }
};

MULTIPROCESSING_EXCEPTION(test::Trap);

namespace {

using test::Act;
using test::square;
using test::Trap;

int take(const Trap& /*trap*/) {
  return 1;
}
Trap make(Act encoding, Act decoding) {
  return {encoding, decoding};
}

void throw_trap(Act decoding) {
  throw Trap{Act::nothing, decoding};
}

class ExecutorDeadlockTest : public testing::Test {
 protected:
  void expect_to_go_on() { EXPECT_EQ(executor_.submit(square, 3).result(), 9); }

  template <class R>
  void expect_system_exit(const Future<R>& future) {
    try {
      (void)future.result();
      FAIL() << "no SystemExit";
    } catch (const SystemExit& exit) {
      EXPECT_EQ(exit.code, 7);
    }
    expect_to_go_on();
  }

  template <class R>
  void expect_death(const Future<R>& future, std::optional<int> code) {
    try {
      (void)future.result();
      FAIL() << "no WorkerDied";
    } catch (const WorkerDied& death) {
      EXPECT_EQ(death.exit_code(), code);
      EXPECT_GT(death.pid(), 0);
    }
    expect_to_go_on();
  }

  ProcessPoolExecutor executor_{2};
};

TEST_F(ExecutorDeadlockTest, AnErrorInEncodingATaskIsThrownBySubmit) {
  EXPECT_THROW((void)executor_.submit(take, Trap{Act::throws}), ValueError);
  EXPECT_THROW((void)executor_.submit(take, Trap{Act::leaves}), SystemExit);
  expect_to_go_on();
}

TEST_F(ExecutorDeadlockTest, AnErrorInDecodingATaskIsItsResult) {
  EXPECT_THROW(executor_.submit(take, Trap{Act::nothing, Act::throws}).result(), ValueError);
  expect_to_go_on();
}

TEST_F(ExecutorDeadlockTest, AnEndInDecodingATaskIsItsResultOrTheEndOfItsWorker) {
  expect_death(executor_.submit(take, Trap{Act::nothing, Act::exits}), 7);
  expect_system_exit(executor_.submit(take, Trap{Act::nothing, Act::leaves}));
  expect_death(executor_.submit(take, Trap{Act::nothing, Act::dies}), std::nullopt);
}

TEST_F(ExecutorDeadlockTest, ATaskThatThrowsOrEndsFailsAlone) {
  EXPECT_THROW(executor_.submit(test::act, Act::throws).result(), ValueError);
  expect_death(executor_.submit(test::act, Act::exits), 7);
  expect_system_exit(executor_.submit(test::act, Act::leaves));
  expect_death(executor_.submit(test::act, Act::dies), std::nullopt);
}

TEST_F(ExecutorDeadlockTest, WhatIsThrownAndCannotBeDecodedIsARemoteError) {
  EXPECT_THROW(executor_.submit(throw_trap, Act::nothing).result(), Trap);
  try {
    executor_.submit(throw_trap, Act::throws).result();
    FAIL() << "no RemoteError";
  } catch (const RemoteError& error) {
    EXPECT_NE(error.type_name().find("Trap"), std::string::npos);
  }
  expect_to_go_on();
}

TEST_F(ExecutorDeadlockTest, AnErrorInEncodingAResultIsTheResult) {
  EXPECT_THROW((void)executor_.submit(make, Act::throws, Act::nothing).result(), ValueError);
  expect_to_go_on();
}

TEST_F(ExecutorDeadlockTest, AnEndInEncodingAResultIsTheResultOrTheEndOfItsWorker) {
  expect_death(executor_.submit(make, Act::exits, Act::nothing), 7);
  expect_system_exit(executor_.submit(make, Act::leaves, Act::nothing));
  expect_death(executor_.submit(make, Act::dies, Act::nothing), std::nullopt);
}

TEST_F(ExecutorDeadlockTest, WhatDecodingAResultThrowsIsThrownByResult) {
  EXPECT_THROW((void)executor_.submit(make, Act::nothing, Act::throws).result(), ValueError);
  EXPECT_THROW((void)executor_.submit(make, Act::nothing, Act::leaves).result(), SystemExit);
  expect_to_go_on();
}

TEST_F(ExecutorDeadlockTest, AnExecutorWhoseSubmitFailedCanBeShutDown) {
  const auto before = executor_.submit(square, 4);
  EXPECT_THROW((void)executor_.submit(take, Trap{Act::throws}), ValueError);

  executor_.shutdown(false);

  EXPECT_EQ(before.result(), 16);
}

TEST_F(ExecutorDeadlockTest, ItemsOfAMapFailAlone) {
  const std::vector<Trap> traps{
      {}, {Act::nothing, Act::throws}, {}, {Act::nothing, Act::exits}, {}};

  auto results = executor_.map(take, traps);

  EXPECT_EQ(results.next(), 1);
  EXPECT_THROW(results.next(), ValueError);
  EXPECT_EQ(results.next(), 1);
  EXPECT_THROW(results.next(), WorkerDied);
  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_F(ExecutorDeadlockTest, MoreTasksThanAnyPipeHoldsMayWait) {
  std::vector<Future<std::string>> futures;
  for (int i = 0; i < 3'000; ++i) {
    futures.push_back(executor_.submit(test::shout, std::string(1'000, 'x')));
  }
  for (const auto& future : futures) EXPECT_EQ(future.result().size(), 1'001U);
}

TEST_F(ExecutorDeadlockTest, BigArgumentsAndResultsOfTheDeadHarmNobody) {
  const std::string big(10'000'000, 'x');
  const auto die = [](const std::string& text) {
    ::raise(SIGKILL);
    return text;
  };
  const auto dead = executor_.submit(die, big);
  const auto alive = executor_.submit(test::shout, big);

  EXPECT_EQ(alive.result().size(), big.size() + 1);
  expect_death(dead, std::nullopt);
}

TEST_F(ExecutorDeadlockTest, ATracebackSaysWhereItWasThrown) {
  try {
    executor_.submit(test::act, Act::throws).result();
    FAIL();
  } catch (const ValueError&) {
    const std::string text = remote_traceback(std::current_exception());
    EXPECT_NE(text.find("ForkPoolWorker-"), std::string::npos) << text;
    EXPECT_NE(text.find("trapped"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace multiprocessing
