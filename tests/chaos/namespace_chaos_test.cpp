// Kills a process in each call of a Namespace, at the points that lib/shared/dict_layout.hpp names,
// while eight others use the same one. Then each name has the value that was set last, or, of the
// call that was interrupted, the one before; the eight have gone on, and nothing leaks.

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/namespace.hpp>
#include <multiprocessing/queues.hpp>

#include "chaos/dict_intact.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

constexpr std::size_t kNames = 120;
constexpr int kSurvivors = 8;
constexpr int kRounds = 60;  // of a survivor, after the death

// What the victim has done, by numbers that tell type and value; 0: the name is not there.
struct Log {
  std::array<std::atomic<std::uint32_t>, kNames> committed{};
  std::atomic<std::size_t> name{0};
  std::atomic<std::uint32_t> next{0};
  std::atomic<bool> stop{false};
};

using Queues = std::array<Queue<int>, 8>;

std::uint32_t scrambled(std::uint32_t number) {
  return number * 2654435761U >> 7U;
}
std::string name_at(std::size_t index) {
  return "name" + std::to_string(index);
}
std::string text_of(std::uint32_t number) {
  return std::to_string(number) + std::string(scrambled(number) % 5 * 200, 'x');
}

void set(const Namespace& space, const std::string& name, std::uint32_t number,
         const Queues& queues) {
  if (number == 0) {
    space.erase(name);
  } else if (number % 4 == 0) {
    space.set(name, queues[number % queues.size()]);
  } else if (number % 4 == 1) {
    space.set(name, text_of(number));
  } else {
    space.set(name, number);
  }
}

bool has(const Namespace& space, const std::string& name, std::uint32_t number,
         const Queues& queues) {
  if (number == 0 || !space.contains(name)) return number == 0 && !space.contains(name);
  try {
    if (number % 4 == 0) return space.get<Queue<int>>(name) == queues[number % queues.size()];
    if (number % 4 == 1) return space.get<std::string>(name) == text_of(number);
    return space.get<std::uint32_t>(name) == number;
  } catch (const TransferError&) {  // of another type
    return false;
  }
}

void work(const Namespace& space, Log& log, const Queues& queues) {
  for (std::uint32_t round = 1; round < 4000; ++round) {
    const std::size_t index = scrambled(round) % kNames;
    const std::uint32_t number = round % 5 == 0 ? 0 : round;
    log.name = index;
    log.next = number;
    set(space, name_at(index), number, queues);
    log.committed[index] = number;
  }
}

// Sets, reads and erases a name of its own, and reads those of all.
void survive(const Namespace& space, const std::string& mine, const Log& log,
             const Queues& queues) {
  const auto turn = [&](std::uint32_t number) {
    set(space, mine, number, queues);
    test::require(has(space, mine, number, queues));
    std::ostringstream all;
    all << space;
    test::require(all.str().starts_with("Namespace("));
  };
  std::uint32_t number = 1;
  while (!log.stop) turn(number++);
  for (int round = 0; round < kRounds; ++round) turn(round % 7 == 0 ? 0 : number++);
  turn(2);
}

std::size_t blocks_at_start() {
  {
    const Namespace first;
    first.set("one", 1);
  }  // what a process needs for its first object stays
  return test::blocks_in_use();
}

class NamespaceCrash : public testing::TestWithParam<test::Where> {};

TEST_P(NamespaceCrash, NamesHaveTheLastValueOrTheOneBefore) {
  const auto& [point, visit] = GetParam();
  const std::size_t before = blocks_at_start();
  {
    const Queues queues;
    const Namespace space;
    test::Shared<Log> log;
    std::vector<test::Child> survivors;
    for (int i = 0; i < kSurvivors; ++i) {
      survivors.push_back(test::Child::run(
          [&, i] { survive(space, "survivor" + std::to_string(i), *log, queues); }));
    }
    test::expect_death_at(point, visit, [&] { work(space, *log, queues); });
    log->stop = true;
    for (test::Child& survivor : survivors) EXPECT_EQ(survivor.wait(), test::exited(0));

    test::bury_all();
    for (std::size_t i = 0; i < kNames; ++i) {
      EXPECT_TRUE(has(space, name_at(i), log->committed[i], queues) ||
                  (log->name == i && has(space, name_at(i), log->next, queues)))
          << name_at(i) << " is not " << log->committed[i];
      space.erase(name_at(i));
    }
    for (int i = 0; i < kSurvivors; ++i) {
      EXPECT_TRUE(has(space, "survivor" + std::to_string(i), 2, queues));
      EXPECT_TRUE(space.erase("survivor" + std::to_string(i)));
    }
  }
  EXPECT_EQ(test::blocks_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Points, NamespaceCrash,
    testing::Combine(testing::Values("dict.claim.taken", "dict.claim.released", "dict.entry.linked",
                                     "dict.entry.noted", "dict.entry.odd", "dict.entry.reserved",
                                     "dict.entry.written", "dict.entry.published",
                                     "dict.entry.even", "dict.entry.forgotten", "dict.entry.freed",
                                     "dict.count.busy", "dict.count.added", "dict.erase.noted",
                                     "dict.erase.odd", "dict.erase.published", "dict.erase.even",
                                     "dict.erase.freed", "dict.page.noted", "dict.page.odd",
                                     "dict.page.published", "dict.page.freed", "dict.split.claimed",
                                     "dict.split.child", "dict.split.odd", "dict.split.published",
                                     "dict.split.counted", "dict.split.adopted", "message.held",
                                     "message.dropped"),
                     testing::Values(1, 4)),
    test::name_of);

}  // namespace
}  // namespace multiprocessing
