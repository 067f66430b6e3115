// local<T>.

#include <multiprocessing/threading.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace multiprocessing::threading {
namespace {

struct Counted {
  explicit Counted(std::atomic<int>& n) : alive(&n) { ++*alive; }
  Counted(Counted&& other) noexcept : alive(other.alive) { ++*alive; }
  ~Counted() { --*alive; }
  std::atomic<int>* alive;
};

TEST(LocalTest, EachThreadSeesItsOwnValue) {
  const local<int> number;
  *number = 7;
  std::thread([&] {
    EXPECT_EQ(*number, 0);
    *number = 9;
    EXPECT_EQ(*number, 9);
  }).join();
  EXPECT_EQ(*number, 7);
}

TEST(LocalTest, ValueIsMadeInTheThreadThatUsesItFirst) {
  const local<std::uint64_t> ident([] { return get_ident(); });
  std::thread([&] { EXPECT_EQ(*ident, get_ident()); }).join();
  EXPECT_EQ(*ident, get_ident());
}

TEST(LocalTest, ValueGoesWithItsThread) {
  std::atomic<int> alive{0};
  const local<Counted> value([&] { return Counted(alive); });
  (void)value.get();

  std::thread([&] {
    (void)value.get();
    EXPECT_EQ(alive, 2);
  }).join();

  EXPECT_EQ(alive, 1);
}

TEST(LocalTest, AllValuesGoWithTheObject) {
  std::atomic<int> alive{0};
  std::optional<local<Counted>> value(std::in_place, [&] { return Counted(alive); });
  (void)value->get();
  const Event made;
  const Event gone;
  std::thread other([&] {
    (void)value->get();
    made.set();
    gone.wait();
  });
  made.wait();
  EXPECT_EQ(alive, 2);

  value.reset();

  EXPECT_EQ(alive, 0);
  gone.set();
  other.join();
}

TEST(LocalTest, ObjectInThePlaceOfAnotherStartsAnew) {
  for (int i = 0; i < 3; ++i) {
    const auto number = std::make_unique<local<int>>();
    EXPECT_EQ(**number, 0);
    **number = 5;
  }
}

TEST(LocalTest, ResetMakesANewValueAtTheNextUse) {
  const local<int> number([] { return 3; });
  *number = 4;
  number.reset();
  EXPECT_EQ(*number, 3);
}

}  // namespace
}  // namespace multiprocessing::threading
