// Kills a process in each call of a Set, at the points that lib/shared/dict_layout.hpp names, while
// eight others use the same set. Then each element is there or not as before the call that was
// interrupted or as after it, the eight have gone on, nothing is claimed and nothing leaks.

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/set.hpp>
#include <multiprocessing/queues.hpp>

#include "chaos/dict_intact.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

constexpr std::size_t kElements = 240;  // the victim's
constexpr int kSurvivors = 8;
constexpr int kRounds = 40;  // of a survivor, after the death

using Members = std::array<bool, kElements>;

// What the victim has done, so that the parent knows what must be there.
struct Log {
  std::array<std::atomic<bool>, kElements> before{};
  std::array<std::atomic<bool>, kElements> after{};
  std::atomic<std::size_t> loss{0};  // how many of `before` may be missing beyond `after`
  std::atomic<bool> stop{false};
};

std::uint32_t scrambled(std::uint32_t number) {
  return number * 2654435761U >> 7U;
}

// The elements: texts of many sizes, or queues, which the set holds.

struct Texts {
  using Element = std::string;
  static Element make(std::size_t index) {
    return std::to_string(index) +
           std::string(scrambled(static_cast<std::uint32_t>(index)) % 9 * 70, 'x');
  }
};
struct Queues {
  using Element = Queue<int>;
  static Element make(std::size_t /*index*/) { return {}; }
};

template <class Kind>
std::vector<typename Kind::Element> make_elements(std::size_t first, std::size_t count) {
  std::vector<typename Kind::Element> elements;
  for (std::size_t i = 0; i < count; ++i) elements.push_back(Kind::make(first + i));
  return elements;
}

enum class Call { add, discard, remove, pop, update, difference, intersection, symmetric, clear };

Call call_of(std::uint32_t round) {
  constexpr std::array kCalls{Call::add,    Call::update,       Call::add,       Call::discard,
                              Call::update, Call::difference,   Call::symmetric, Call::pop,
                              Call::update, Call::intersection, Call::remove,    Call::add};
  return round % 60 == 59 ? Call::clear : kCalls[round % kCalls.size()];
}

// The operand: some elements that lie apart.
std::vector<std::size_t> some(std::uint32_t round) {
  std::vector<std::size_t> indices;
  for (std::uint32_t i = 0; i < 25; ++i) indices.push_back(scrambled(round * 25 + i) % kElements);
  return indices;
}

Members result_of(Call call, Members members, std::uint32_t round) {
  Members chosen{};
  for (const std::size_t index : some(round)) chosen[index] = true;
  const std::size_t one = scrambled(round) % kElements;
  for (std::size_t i = 0; i < kElements; ++i) {
    if (call == Call::update) members[i] |= chosen[i];
    if (call == Call::difference) members[i] &= !chosen[i];
    if (call == Call::intersection) members[i] &= chosen[i];
    if (call == Call::symmetric) members[i] ^= chosen[i];
    if (call == Call::clear) members[i] = false;
  }
  if (call == Call::add) members[one] = true;
  if (call == Call::discard || call == Call::remove) members[one] = false;
  return members;
}

template <class T>
class Victim {
 public:
  Victim(const Set<T>& set, const std::vector<T>& elements, Log& log)
      : set_(set), elements_(elements), log_(log) {}

  void run(int rounds) {
    for (int i = 0; i < rounds; ++i) step(static_cast<std::uint32_t>(i));
  }

 private:
  void step(std::uint32_t round) {
    const Call call = call_of(round);
    const Members after = result_of(call, members_, round);
    for (std::size_t i = 0; i < kElements; ++i) log_.after[i] = after[i];
    if (call == Call::pop) log_.loss = 1;
    perform(call, round);
    members_ = after;
    if (call == Call::pop) look();
    for (std::size_t i = 0; i < kElements; ++i) {
      log_.after[i] = members_[i];
      log_.before[i] = members_[i];
    }
    log_.loss = 0;
  }

  // Which one was popped: nobody else takes elements out.
  void look() {
    for (std::size_t i = 0; i < kElements; ++i) members_[i] = set_.contains(elements_[i]);
  }

  void perform(Call call, std::uint32_t round) {
    const T& one = elements_[scrambled(round) % kElements];
    std::vector<T> operand;
    for (const std::size_t index : some(round)) operand.push_back(elements_[index]);
    switch (call) {
      case Call::add:
        return (void)set_.add(one);
      case Call::discard:
        return (void)set_.discard(one);
      case Call::remove:
        if (set_.contains(one)) set_.remove(one);
        return;
      case Call::pop:
        if (!set_.empty()) (void)set_.pop();
        return;
      case Call::update:
        return set_.update(operand);
      case Call::difference:
        return set_.difference_update(operand);
      case Call::intersection:
        return set_.intersection_update(operand);
      case Call::symmetric:
        return set_.symmetric_difference_update(operand);
      case Call::clear:
        return set_.clear();
    }
  }

  const Set<T>& set_;
  const std::vector<T>& elements_;
  Log& log_;
  Members members_{};
};

// Adds and takes out elements of its own, which the victim may take out, too, as long as it lives.
template <class T>
void survive(const Set<T>& set, const std::vector<T>& mine, const Log& log) {
  const auto work = [&](bool alone) {
    for (const T& element : mine) {
      set.add(element);
      if (alone) test::require(set.contains(element) && !set.add(element));
      const bool was_there = set.discard(element);
      if (alone) test::require(was_there && !set.contains(element));
    }
    for (const T& element : set) (void)set.contains(element);
  };
  while (!log.stop) work(false);
  for (int round = 0; round < kRounds; ++round) work(true);
  for (const T& element : mine) set.add(element);
}

template <class T>
void expect_done_or_not(const Set<T>& set, const std::vector<T>& elements, const Log& log) {
  std::size_t lost = 0;
  for (std::size_t i = 0; i < kElements; ++i) {
    const bool now = set.contains(elements[i]);
    if (log.before[i] && log.after[i] && !now) ++lost;
    EXPECT_TRUE(!now || log.before[i] || log.after[i]) << i << " was never added";
  }
  EXPECT_LE(lost, log.loss) << "elements that no call took out";
}

std::size_t blocks_at_start() {
  {
    const Set<int> first{1};
  }  // what a process needs for its first object stays
  return test::blocks_in_use();
}

template <class Kind>
void check_after_death(const char* point, int visit) {
  using T = typename Kind::Element;
  const std::size_t before = blocks_at_start();
  {
    const std::vector<T> elements = make_elements<Kind>(0, kElements);
    std::vector<std::vector<T>> theirs;
    for (std::size_t i = 0; i < kSurvivors; ++i) {
      theirs.push_back(make_elements<Kind>(1000 * (i + 1), 4));
    }
    const Set<T> set;
    test::Shared<Log> log;
    std::vector<test::Child> survivors;
    for (const std::vector<T>& mine : theirs) {
      survivors.push_back(test::Child::run([&] { survive(set, mine, *log); }));
    }
    test::expect_death_at(point, visit, [&] { Victim<T>(set, elements, *log).run(1000); });
    log->stop = true;
    for (test::Child& survivor : survivors) EXPECT_EQ(survivor.wait(), test::exited(0));

    test::bury_all();
    expect_done_or_not(set, elements, *log);
    for (const std::vector<T>& mine : theirs) EXPECT_TRUE(set.issuperset(mine));
    EXPECT_EQ(set.size(), set.copy().size());
    set.clear();
    EXPECT_EQ(set.size(), 0U);
    test::expect_at_rest(set.handle_id());
  }
  EXPECT_EQ(test::blocks_in_use(), before);
}

class SetCrash : public testing::TestWithParam<test::Where> {};

TEST_P(SetCrash, TextsAreAsBeforeTheCallOrAfterIt) {
  const auto& [point, visit] = GetParam();
  check_after_death<Texts>(point, visit);
}

INSTANTIATE_TEST_SUITE_P(
    Points, SetCrash,
    testing::Combine(testing::Values("dict.claim.taken", "dict.claim.released", "dict.entry.linked",
                                     "dict.entry.noted", "dict.entry.odd", "dict.entry.reserved",
                                     "dict.entry.written", "dict.entry.published",
                                     "dict.entry.even", "dict.entry.forgotten", "dict.count.busy",
                                     "dict.count.added", "dict.erase.noted", "dict.erase.odd",
                                     "dict.erase.published", "dict.erase.even", "dict.erase.freed",
                                     "dict.page.noted", "dict.page.odd", "dict.page.published",
                                     "dict.page.freed", "dict.clear.noted", "dict.clear.condemned",
                                     "dict.clear.published", "dict.clear.records",
                                     "dict.clear.freed", "dict.split.claimed", "dict.split.child",
                                     "dict.split.odd", "dict.split.published", "dict.split.counted",
                                     "dict.split.adopted"),
                     testing::Values(1, 4)),
    test::name_of);

class HandleSetCrash : public testing::TestWithParam<test::Where> {};

TEST_P(HandleSetCrash, HandlesAreAsBeforeTheCallOrAfterIt) {
  const auto& [point, visit] = GetParam();
  check_after_death<Queues>(point, visit);
}

INSTANTIATE_TEST_SUITE_P(
    Points, HandleSetCrash,
    testing::Combine(testing::Values("dict.entry.linked", "dict.entry.noted", "dict.entry.odd",
                                     "dict.entry.published", "dict.erase.noted",
                                     "dict.erase.published", "dict.erase.freed",
                                     "dict.clear.condemned", "dict.clear.records", "message.held",
                                     "message.dropped"),
                     testing::Values(1, 4)),
    test::name_of);

// How often the set grows depends on how its handles' numbers are hashed.
INSTANTIATE_TEST_SUITE_P(Growth, HandleSetCrash,
                         testing::Combine(testing::Values("dict.split.published"),
                                          testing::Values(1, 2)),
                         test::name_of);

}  // namespace
}  // namespace multiprocessing
