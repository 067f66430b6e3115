// Callables as values, and calls of them in another process.

#include <multiprocessing/detail/function.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "wire/round_trip.hpp"

namespace multiprocessing {
namespace {

using test::round_trip;

int add(int a, int b) {
  return a + b;
}
std::string greet(const std::string& name) {
  return "hello " + name;
}
double sum(std::span<const double> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}
void append(std::vector<int>& numbers) {
  numbers.push_back(1);
}
[[noreturn]] void fail() {
  throw ValueError("bad input");
}
std::size_t consume(std::unique_ptr<std::string> text) {
  return text->size();
}

struct Scale {
  double factor;
  std::string unit;
  std::string operator()(double x) const { return std::to_string(int(factor * x)) + unit; }
};

struct Counter {
  int count = 0;
  int operator()() { return ++count; }
};

struct Account {
  int balance = 0;
  [[nodiscard]] int after(int change) const { return balance + change; }
};

// Does what a worker does with a task.
template <class F, class... Args>
auto call_remotely(F&& function, const Args&... args) {
  detail::require_callable<F, Args...>();
  detail::Writer task;
  detail::encode_token(task, detail::token_of<F, Args...>());
  task.align(64);
  detail::encode_task(task, function, args...);
  detail::Reader in(task.view());
  const auto run =
      detail::function_of_token<void(detail::Reader&, detail::Writer&)>(detail::decode_token(in));
  in.align(64);
  detail::Writer result;
  run(in, result);
  in.finish();
  if constexpr (!std::is_void_v<detail::task_result_t<F, Args...>>) {
    detail::Reader answer(result.view());
    return detail::decode_value<detail::task_result_t<F, Args...>>(answer);
  }
}

TEST(CallableTest, FunctionIsCalledWithItsArguments) {
  EXPECT_EQ(call_remotely(add, 2, 3), 5);
  EXPECT_EQ(call_remotely(&add, 2, 3), 5);
}

TEST(CallableTest, CharacterArrayArrivesAsString) {
  EXPECT_EQ(call_remotely(greet, "world"), "hello world");
}

TEST(CallableTest, CaptureLessLambdaIsCalled) {
  EXPECT_EQ(call_remotely([](int n) { return n * n; }, 7), 49);
  EXPECT_EQ(call_remotely(std::plus<>(), 1, 2), 3);
}

TEST(CallableTest, FunctorArrivesWithItsFields) {
  EXPECT_EQ(call_remotely(Scale{2, "cm"}, 4.0), "8cm");
  EXPECT_EQ(call_remotely(Counter{5}), 6);
}

TEST(CallableTest, PartialBringsItsBoundArguments) {
  EXPECT_EQ(call_remotely(partial(add, 40), 2), 42);
  EXPECT_EQ(call_remotely(partial(greet, "you")), "hello you");
  EXPECT_EQ(call_remotely(partial(partial(add, 1), 2)), 3);
  EXPECT_EQ(call_remotely(partial([](int a, int b) { return a - b; }, 5), 3), 2);
}

TEST(CallableTest, LambdaThatCapturesByValueTravelsAsItsBytes) {
  int offset = 100;

  EXPECT_EQ(call_remotely(by_value([offset](int n) { return offset + n; }), 1), 101);
}

TEST(CallableTest, MemberFunctionIsCalledOnItsFirstArgument) {
  EXPECT_EQ(call_remotely(&Account::after, Account{10}, 5), 15);
}

TEST(CallableTest, VectorIsReceivedAsASpanIntoTheMessage) {
  EXPECT_EQ(call_remotely(sum, std::vector<double>{1, 2, 3}), 6);
  EXPECT_EQ(call_remotely(sum, std::array<double, 2>{1, 2}), 3);
  const std::vector<double> numbers{4, 5};
  EXPECT_EQ(call_remotely(sum, std::span<const double>(numbers)), 9);
  using Sum = detail::arriving_t<double (*)(std::span<const double>), 0, std::vector<double>>;
  static_assert(std::is_same_v<Sum, std::span<const double>>);
}

TEST(CallableTest, SpanIsReceivedBehindBoundArguments) {
  const auto scaled = [](double factor, std::span<const double> numbers) {
    return factor * sum(numbers);
  };

  EXPECT_EQ(call_remotely(partial(scaled, 2.0), std::vector<double>{1, 2}), 6);
}

TEST(CallableTest, ParameterByReferenceIsTheTasksOwn) {
  EXPECT_NO_THROW(call_remotely(append, std::vector<int>{1}));
}

TEST(CallableTest, MoveOnlyArgumentIsHandedOver) {
  EXPECT_EQ(call_remotely(consume, std::make_unique<std::string>("four")), 4U);
}

TEST(CallableTest, ExceptionComesOutOfTheTrampoline) {
  EXPECT_THROW(call_remotely(fail), ValueError);
}

TEST(CallableTest, CapturingLambdaIsNoTransferableCallable) {
  int local = 0;
  const auto by_reference = [&local] { ++local; };
  const auto by_copy = [local] { return local; };
  by_reference();

  static_assert(!TransferableCallable<decltype(by_reference)>);
  static_assert(!TransferableCallable<decltype(by_copy)>);
  static_assert(TransferableCallable<decltype(by_value(by_copy))>);
  static_assert(TransferableCallable<decltype(add)> && TransferableCallable<Scale>);
  static_assert(!TransferableCallable<std::function<void()>>);
  static_assert(detail::is_task_v<decltype(add), int, int>);
  static_assert(!detail::is_task_v<decltype(add), int>);
}

TEST(FunctionTest, HoldsAnyTransferableCallable) {
  const std::string name = "x";
  std::vector<Function<std::string(double)>> functions{
      Scale{3, "m"}, [](double x) { return std::to_string(int(x)); },
      partial([](const std::string& unit, double x) { return std::to_string(int(x)) + unit; },
              name)};

  const auto arrived = round_trip(functions);

  EXPECT_EQ(arrived.at(0)(2.0), "6m");
  EXPECT_EQ(arrived.at(1)(2.0), "2");
  EXPECT_EQ(arrived.at(2)(2.0), "2x");
}

TEST(FunctionTest, EmptyFunctionArrivesEmpty) {
  const auto arrived = round_trip(Function<void()>());

  EXPECT_FALSE(arrived);
  EXPECT_THROW(arrived(), ValueError);
  EXPECT_FALSE(Function<int(int)>(static_cast<int (*)(int)>(nullptr)));
}

TEST(FunctionTest, StateIsThatOfTheMomentOfSending) {
  Function<int()> counter = Counter{};
  counter();

  const auto arrived = round_trip(counter);

  EXPECT_EQ(arrived(), 2);
  EXPECT_EQ(counter(), 2);
}

TEST(FunctionTest, FunctionIsATaskAndAnArgument) {
  const Function<int(int, int)> function = add;

  EXPECT_EQ(call_remotely(function, 1, 2), 3);
  EXPECT_EQ(call_remotely([](const Function<int(int, int)>& f) { return f(3, 4); }, function), 7);
}

TEST(FunctionTest, FunctionMayHoldAFunction) {
  const Function<int(int)> inner = partial(add, 1);
  const Function<long(int)> outer = inner;

  EXPECT_EQ(round_trip(outer)(1), 2);
  EXPECT_FALSE((Function<long(int)>(Function<int(int)>())));
}

TEST(FunctionTest, FunctionFromAStrangerIsRefused) {
  const auto bytes = test::encoded(Function<int(int, int)>(add));

  EXPECT_THROW((test::decoded<Function<int(int, int)>>(bytes, false)), TransferError);
}

}  // namespace
}  // namespace multiprocessing
