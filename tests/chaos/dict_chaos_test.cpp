// Kills a process at each point named in lib/shared/dict_layout.hpp, on several visits, while
// others read and change the same dicts. Then every key has a value that somebody committed, every
// increment of the survivors has counted, the size is right, nothing is claimed and nothing leaks.

#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/dict.hpp>

#include "chaos/dict_intact.hpp"
#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

constexpr std::uint32_t kKeys = 150;
constexpr int kCounters = 20;

using Texts = Dict<std::string, std::string>;
using Trees = Dict<int, Dict<std::string, int>>;  // its records hold objects

// What the victim has done, so that the parent knows what must be there.
struct Log {
  std::array<std::atomic<std::uint32_t>, kKeys> committed{};  // 0: absent
  std::atomic<std::uint32_t> key{0}, next{0};                 // what it was about to commit
  std::atomic<bool> stop{false};
  std::array<std::atomic<std::uint64_t>, kCounters> increments{};
};

struct World {
  Texts texts;
  Trees trees;
};

std::uint32_t scrambled(std::uint32_t number) {
  return number * 2654435761U >> 7U;
}

std::string key_of(std::uint32_t key) {
  return "victim" + std::to_string(key);
}
std::string counter_of(int counter) {
  return "counter" + std::to_string(counter);
}

// A text that tells its number and shows when it is torn. Number 0 and every seventh are absent.
bool is_text(std::uint32_t number) {
  return number % 7 != 0;
}
std::string text_of(std::uint32_t number) {
  constexpr std::array<std::size_t, 5> kSizes{4, 8, 40, 300, 900};
  std::string text = std::to_string(number);
  text.resize(std::max(text.size() + 1, kSizes[scrambled(number) % 5]),
              static_cast<char>('a' + number % 26));
  return text;
}
std::uint32_t number_of(const std::string& text) {
  return static_cast<std::uint32_t>(std::stoul(text));
}

void commit(World& world, Log& log, std::uint32_t key, std::uint32_t number) {
  log.key = key;
  log.next = number;
  if (is_text(number)) {
    world.texts.set(key_of(key), text_of(number));
  } else {
    world.texts.erase(key_of(key));
  }
  log.committed[key] = number;
}

// Made before a point is armed, which shall be visited in the shared dicts.
std::vector<Dict<std::string, int>> make_leaves() {
  std::vector<Dict<std::string, int>> leaves(100);
  for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i]["round"] = static_cast<int>(i);
  return leaves;
}

// Everything that changes a dict.
void work(World& world, Log& log, const std::vector<Dict<std::string, int>>& leaves,
          std::uint32_t round) {
  commit(world, log, scrambled(round) % kKeys, round);
  world.texts.modify("shared", [](std::string& text) { text = text == "a" ? "b" : "a"; });
  world.texts.set("small", std::string(4, static_cast<char>('a' + round % 26)));
  const int tree = static_cast<int>(round % 50);
  world.trees[tree] = leaves[round % leaves.size()];
  if (round % 3 == 0) world.trees.erase(tree);
  if (round % 200 == 199) world.trees.clear();
}

void read(const World& world, std::uint32_t round) {
  const std::uint32_t key = scrambled(round) % kKeys;
  if (const auto text = world.texts.get(key_of(key))) {
    test::require(*text == text_of(number_of(*text)));
  }
  if (const auto leaf = world.trees.get(static_cast<int>(round % 50))) {
    test::require(leaf->at("round") % 50 == static_cast<int>(round % 50));
  }
  if (round % 64 == 0) (void)world.texts.copy();
}

void survive(World& world, Log& log, std::uint32_t seed) {
  for (std::uint32_t round = seed; !log.stop || round < seed + 500; ++round) {
    const int counter = static_cast<int>(round % kCounters);
    world.texts.modify(counter_of(counter), [](std::string& text) {
      text = std::to_string((text.empty() ? 0 : std::stoul(text)) + 1);
    });
    log.increments[static_cast<std::size_t>(counter)].fetch_add(1);
    read(world, round);
  }
}

void expect_committed(const World& world, const Log& log) {
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    const auto text = world.texts.get(key_of(key));
    const std::uint32_t number = text ? number_of(*text) : 0;
    const std::uint32_t committed = log.committed[key];
    const std::uint32_t next = log.key == key ? log.next.load() : committed;
    if (text) {
      EXPECT_TRUE(number == committed || number == next) << key << " is " << number;
      EXPECT_EQ(*text, text_of(number));
    } else {
      EXPECT_TRUE(!is_text(committed) || !is_text(next)) << key << " is gone: " << committed;
    }
  }
  for (int counter = 0; counter < kCounters; ++counter) {
    const std::uint64_t wanted = log.increments[static_cast<std::size_t>(counter)];
    EXPECT_EQ(std::stoul(world.texts.get(counter_of(counter), "0")), wanted);
  }
}

template <class D>
void expect_intact(const D& dict) {
  (void)shm::bury_the_dead();
  const auto items = dict.items();
  EXPECT_EQ(dict.size(), items.size());
  for (const auto& [key, value] : items) EXPECT_TRUE(dict.contains(key));
  dict.clear();
  EXPECT_EQ(dict.size(), 0U);
  test::expect_at_rest(dict.handle_id());
}

std::uint64_t blocks_in_use() {
  (void)shm::bury_the_dead();
  {
    const Dict<int, int> last;
  }  // the last drop of a deferred hold
  shm::trim();
  return shm::census().blocks;
}

std::string name_of(const std::string& point, int visit) {
  std::string name = point + "Visit" + std::to_string(visit);
  std::erase_if(name, [](char letter) { return letter == '.' || letter == '_'; });
  return name;
}

void die_at(const char* point, int visit, World& world, Log& log, std::uint32_t round) {
  auto victim = test::Child::run([&] {
    const auto leaves = make_leaves();
    sys::arm_crash_point(point, visit);
    for (std::uint32_t i = 0; i < 4000; ++i) work(world, log, leaves, round + i);
  });
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL)) << point << " was not visited " << visit;
}

void check(const World& world, const Log& log) {
  expect_committed(world, log);
  expect_intact(world.texts);
  expect_intact(world.trees);
}

class DictCrash : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(DictCrash, EveryKeyKeepsACommittedValueAndNothingLeaks) {
  const auto [point, visit] = GetParam();
  const std::uint64_t before = blocks_in_use();
  {
    World world;
    test::Shared<Log> log;
    auto survivor = test::Child::run([&] { survive(world, *log, 1); });
    auto other = test::Child::run([&] { survive(world, *log, 1000); });
    die_at(point, visit, world, *log, 1);
    log->stop = true;
    EXPECT_EQ(survivor.wait(), test::exited(0));
    EXPECT_EQ(other.wait(), test::exited(0));

    check(world, *log);
  }
  EXPECT_EQ(blocks_in_use(), before);
}

std::string parameter_name(const testing::TestParamInfo<std::tuple<const char*, int>>& info) {
  return name_of(std::get<0>(info.param), std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(
    Entries, DictCrash,
    testing::Combine(testing::Values("dict.claim.taken", "dict.claim.released", "dict.value.before",
                                     "dict.value.after", "dict.entry.linked", "dict.entry.noted",
                                     "dict.entry.odd", "dict.entry.reserved", "dict.entry.written",
                                     "dict.entry.published", "dict.entry.even",
                                     "dict.entry.forgotten", "dict.entry.freed", "dict.count.busy",
                                     "dict.count.added", "dict.erase.noted", "dict.erase.odd",
                                     "dict.erase.published", "dict.erase.even", "dict.erase.freed"),
                     testing::Values(1, 2, 9, 70)),
    parameter_name);

INSTANTIATE_TEST_SUITE_P(
    Pages, DictCrash,
    testing::Combine(testing::Values("dict.page.filled", "dict.page.linked", "dict.page.noted",
                                     "dict.page.odd", "dict.page.published", "dict.page.even",
                                     "dict.page.forgotten", "dict.page.freed", "dict.clear.noted",
                                     "dict.clear.condemned", "dict.clear.published",
                                     "dict.clear.records", "dict.clear.freed"),
                     testing::Values(1, 2, 9, 20)),
    parameter_name);

INSTANTIATE_TEST_SUITE_P(
    Splits, DictCrash,
    testing::Combine(testing::Values("dict.split.filled", "dict.split.claimed", "dict.split.child",
                                     "dict.split.self", "dict.split.odd", "dict.split.published",
                                     "dict.split.counted", "dict.split.adopted", "dict.split.even",
                                     "dict.split.freed", "dict.split.released"),
                     testing::Values(1, 2, 3)),
    parameter_name);

INSTANTIATE_TEST_SUITE_P(
    BelowIt, DictCrash,
    testing::Combine(testing::Values("block.link.noted", "block.link.linked",
                                     "block.link.published", "block.take.noted", "block.take.taken",
                                     "block.release.before", "block.release.after", "message.held",
                                     "message.dropped"),
                     testing::Values(1, 11, 60)),
    parameter_name);

TEST(DictBranchCrash, BranchWhoseMakerDiedIsUsedByTheNext) {
  for (const int visit : {1, 2}) {
    World world;
    test::Shared<Log> log;

    die_at("dict.branch.linked", visit, world, *log, 1);

    check(world, *log);
    for (int i = 0; i < 2000; ++i) world.texts[std::to_string(i)] = "text";
    EXPECT_EQ(world.texts.size(), 2000U);
  }
}

// One dies in a change, the next two while they repair it; the fourth finds a sound dict.
class DictRecoveryCrash : public testing::TestWithParam<std::tuple<const char*, int, const char*>> {
};

TEST_P(DictRecoveryCrash, RepairOfADeadRepairerIsDoneAgain) {
  const auto [point, visit, repair] = GetParam();
  const std::uint64_t before = blocks_in_use();
  {
    World world;
    test::Shared<Log> log;
    die_at(point, visit, world, *log, 1);
    for (int i = 0; i < 2; ++i) {
      auto repairer = test::Child::run([&, where = repair] {
        sys::arm_crash_point(where, 1);
        for (std::uint32_t key = 0; key < kKeys; ++key) world.texts.erase("no" + key_of(key));
        for (int tree = 0; tree < 50; ++tree) world.trees.erase(100 + tree);
      });
      EXPECT_EQ(repairer.wait(), test::killed_by(SIGKILL)) << repair << " was not visited";
    }

    check(world, *log);
  }
  EXPECT_EQ(blocks_in_use(), before);
}

std::string recovery_name(
    const testing::TestParamInfo<std::tuple<const char*, int, const char*>>& info) {
  return name_of(std::get<0>(info.param), std::get<1>(info.param)) +
         name_of(std::get<2>(info.param), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Repairs, DictRecoveryCrash,
    testing::Combine(
        testing::Values("dict.entry.linked", "dict.entry.noted", "dict.entry.odd",
                        "dict.entry.published", "dict.count.busy", "dict.count.added",
                        "dict.erase.published", "dict.page.noted", "dict.page.published",
                        "dict.clear.condemned", "dict.clear.published", "dict.split.self",
                        "dict.split.claimed", "dict.split.child", "dict.split.odd",
                        "dict.split.published", "dict.split.counted", "dict.split.adopted"),
        testing::Values(1, 5),
        testing::Values("dict.recover.begun", "dict.recover.record", "dict.recover.page",
                        "dict.recover.old", "dict.recover.counted")),
    recovery_name);

class DictDestroyCrash : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(DictDestroyCrash, DictWhoseDestroyerDiedIsDestroyedByItsSweeper) {
  const auto [point, visit] = GetParam();
  const std::uint64_t before = blocks_in_use();
  auto victim = test::Child::run([&, where = point, when = visit] {
    const auto leaves = make_leaves();
    std::optional<World> world(std::in_place);
    test::Shared<Log> log;
    for (std::uint32_t i = 0; i < 199; ++i) work(*world, *log, leaves, i);
    sys::arm_crash_point(where, when);
    world.reset();
  });

  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL)) << point << " was not visited " << visit;

  EXPECT_EQ(blocks_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(Destroyers, DictDestroyCrash,
                         testing::Combine(testing::Values("dict.destroy.bucket",
                                                          "dict.destroy.branch", "block.take.taken",
                                                          "block.release.before"),
                                          testing::Values(1, 2, 5)),
                         parameter_name);

}  // namespace
}  // namespace multiprocessing
