// A Dict between threads, where ThreadSanitizer sees every race.

#include <atomic>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/dict.hpp>

namespace multiprocessing {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kRounds = 2000;
#else
constexpr int kRounds = 20000;
#endif

struct Pair {
  std::uint64_t a, b, c;
};

std::string text_of(int number) {
  return std::string(static_cast<std::size_t>(number % 700), static_cast<char>('a' + number % 26));
}

template <class F>
void run_on_threads(int count, F f) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(f, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(DictThreadTest, IncrementsOfSeveralThreadsAllCount) {
  const Dict<std::string, int> dict{{"n", 0}};

  run_on_threads(4, [&](int) {
    for (int i = 0; i < kRounds; ++i) dict["n"] += 1;
  });

  EXPECT_EQ(dict.at("n"), 4 * kRounds);
}

TEST(DictThreadTest, ValueOfSeveralWordsIsNeverTorn) {
  const Dict<int, Pair> dict{{1, {0, 0, 0}}};
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::thread reader([&] {
    while (!stop) {
      const Pair pair = dict.at(1);
      if (pair.a != pair.b || pair.b != pair.c) ++torn;
    }
  });

  run_on_threads(2, [&](int) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(kRounds); ++i) dict[1] = Pair{i, i, i};
  });
  stop = true;
  reader.join();

  EXPECT_EQ(torn, 0);
}

TEST(DictThreadTest, ReadersSeeWholeTextsWhileTheDictGrowsAndShrinks) {
  const Dict<int, std::string> dict;
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::thread reader([&] {
    for (int i = 0; !stop; ++i) {
      const auto text = dict.get(i % 500);
      if (text && !text->empty() && text->find_first_not_of(text->front()) != text->npos) ++torn;
    }
  });

  run_on_threads(2, [&](int thread) {
    for (int i = 0; i < kRounds; ++i) {
      const int key = (i * 7 + thread) % 500;
      if (i % 5 == 4)
        dict.erase(key);
      else
        dict[key] = text_of(i);
      if (i % 5000 == 4999) dict.clear();
    }
  });
  stop = true;
  reader.join();

  EXPECT_EQ(torn, 0);
  EXPECT_EQ(dict.size(), dict.items().size());
}

TEST(DictThreadTest, IterationSeesWhatStaysExactlyOnceWhileOthersInsert) {
  constexpr int kStay = 300;
  const Dict<int, int> dict;
  for (int i = 0; i < kStay; ++i) dict[i] = i;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = kStay; !stop && i < 40000; ++i) dict[i] = i;
  });

  for (int round = 0; round < 20; ++round) {
    std::unordered_set<int> seen;
    int stayed = 0;
    for (const int key : dict) {
      EXPECT_TRUE(seen.insert(key).second) << key << " was seen twice";
      stayed += key < kStay ? 1 : 0;
    }
    EXPECT_EQ(stayed, kStay);
  }
  stop = true;
  writer.join();
}

TEST(DictThreadTest, HandlesInValuesLiveAsLongAsSomebodyReadsThem) {
  const Dict<int, Dict<int, int>> outer{{1, Dict<int, int>{{7, 7}}}};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) outer[1] = Dict<int, int>{{7, 7}};
  });

  for (int i = 0; i < kRounds / 10; ++i) {
    const Dict<int, int> inner = outer[1];
    EXPECT_EQ(inner.at(7), 7);
    for (const auto& [key, value] : outer.items()) EXPECT_EQ(value.at(7), 7);
  }
  stop = true;
  writer.join();
}

TEST(DictThreadTest, FunctionThatModifiesHoldsOthersOffButNotReaders) {
  const Dict<std::string, int> dict{{"n", 1}};
  std::atomic<int> step{0};
  std::thread other([&] {
    while (step == 0) std::this_thread::yield();
    EXPECT_EQ(dict.at("n"), 1);
    step = 2;
    dict["n"] += 10;
  });

  dict.modify("n", [&](int& n) {
    step = 1;
    while (step != 2) std::this_thread::yield();
    n = 2;
  });
  other.join();

  EXPECT_EQ(dict.at("n"), 12);
}

}  // namespace
}  // namespace multiprocessing
