// Value and Array between processes, some of which are killed in mid-write.

#include <multiprocessing/sharedctypes.hpp>

#include <array>
#include <complex>
#include <cstdint>
#include <optional>
#include <random>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

using Wide = std::array<std::uint64_t, 64>;

Wide filled(std::uint64_t with) {
  Wide wide{};
  wide.fill(with);
  return wide;
}

void expect_whole(const Wide& wide) {
  for (const std::uint64_t word : wide) ASSERT_EQ(word, wide[0]) << "a torn value was seen";
}

struct Point {
  double x, y;
};

TEST(SharedctypesParityTest, ExampleOfTheManual) {
  const RLock lock;
  const Value<int> n(7);
  const Value<double> x(1.0 / 3.0, no_lock);
  const Array<char> s(std::string("hello world"), lock);
  const Array<Point> a({{1.875, -6.25}, {-5.75, 2.0}, {2.375, 9.5}}, lock);

  auto child = test::Child::run([&] {
    n.value *= n.value;
    x.value = x.value * x.value;
    for (char& c : s) c = static_cast<char>(std::toupper(c));
    for (Point& p : a) p = {p.x * p.x, p.y * p.y};
  });

  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(n.value, 49);
  EXPECT_DOUBLE_EQ(x.value, 1.0 / 9.0);
  EXPECT_EQ(std::string(s.begin(), s.end()), "HELLO WORLD");
  EXPECT_DOUBLE_EQ(a[0].x, 3.515625);
  EXPECT_DOUBLE_EQ(a[2].y, 90.25);
}

TEST(ValueProcessTest, CountsOfFourProcessesAreExact) {
  const Value<int> n(0);
  const Value<std::complex<double>> wide;
  const RawValue<long> raw(0);
  std::vector<test::Child> children;
  children.reserve(4);
  for (int i = 0; i < 4; ++i) {
    children.push_back(test::Child::run([&] {
      for (int k = 0; k < 5000; ++k) {
        n.value += 1;
        wide.value += 1;
        raw.fetch_add(1);
      }
    }));
  }
  for (test::Child& child : children) ASSERT_EQ(child.wait(), test::exited(0));

  EXPECT_EQ(n.value, 20'000);
  EXPECT_EQ(wide.get().real(), 20'000);
  EXPECT_EQ(raw.value, 20'000);
}

TEST(ValueProcessTest, WriterThatIsKilledLeavesTheOldValueOrTheNew) {
  std::minstd_rand random(1);
  const Value<Wide> v;
  for (int round = 0; round < 60; ++round) {
    auto writer = test::Child::run([&] {
      test::hang_up();
      for (std::uint64_t n = 1;; ++n) v.set(filled(n));
    });
    writer.await_hang_up();
    for (auto spin = random() % 3000; spin > 0; --spin) (void)v.get_lock().locked();
    writer.kill(SIGKILL);

    const Wide seen = v.get();  // waits for the lock of the dead, silently

    expect_whole(seen);
    writer.wait();
  }
}

TEST(ValueProcessTest, HolderOfTheLockThatIsKilledIsSucceededSilently) {
  const Value<int> v(3);
  const Array<int> array{1, 2};
  auto holder = test::Child::run([&] {
    test::require(v.get_lock().acquire() && v.get_lock().acquire() && array.get_lock().acquire());
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  holder.kill(SIGKILL);
  holder.wait();

  EXPECT_EQ(v.value, 3);
  v.value += 1;
  EXPECT_EQ(v.value, 4);
  EXPECT_EQ(array.slice(0, 2), (std::vector{1, 2}));
}

TEST(ValueProcessTest, IdThatArrivesNamesTheSameValueAndLock) {
  const test::Shared<std::array<std::uint64_t, 2>> ids;
  const Event sent;
  auto child = test::Child::run([&] {
    test::require(sent.wait());
    const auto v = Value<int>::from_handle_id({(*ids)[0]});
    const auto array = Array<int>::from_handle_id({(*ids)[1]});
    test::require(v.get_lock() == array.get_lock());
    v.value += array[1];
  });
  const RLock lock;
  const Value<int> v(5, lock);
  const Array<int> array({1, 2}, v.get_lock());
  *ids = {v.handle_id().value, array.handle_id().value};
  sent.set();

  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(v.value, 7);
}

TEST(ValueProcessTest, ForeignLockOutlivesTheProcessThatMadeIt) {
  const test::Shared<std::array<std::uint64_t, 2>> ids;
  const Event taken;
  auto maker = test::Child::run([&] {
    const RLock lock;
    const Value<int> v(5, lock);
    *ids = {v.handle_id().value, lock.handle_id().value};
    test::hang_up();
    test::require(taken.wait());
  });
  maker.await_hang_up();
  std::optional<Value<int>> v(Value<int>::from_handle_id({(*ids)[0]}));
  taken.set();
  ASSERT_EQ(maker.wait(), test::exited(0));
  while (shm::bury_the_dead() != 0) {
  }

  EXPECT_EQ(v->get_lock(), RLock::from_handle_id({(*ids)[1]}));
  v->value += 1;
  EXPECT_EQ(v->value, 6);
  v.reset();
  EXPECT_THROW(RLock::from_handle_id({(*ids)[1]}), ValueError) << "the lock goes with the value";
}

}  // namespace
}  // namespace multiprocessing
