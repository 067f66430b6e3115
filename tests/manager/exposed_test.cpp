// Objects of exposed classes, used through proxies.

#include <atomic>
#include <chrono>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include "manager/programs.hpp"

namespace shop {

class Shelf {
 public:
  explicit Shelf(int number = 0) : number_(number) {}
  int number() const { return number_; }

 private:
  int number_;
};

struct Item {
  std::string name;
  int count = 0;
};

class Stock {
 public:
  Stock() = default;
  explicit Stock(int start) : left_(start) {}

  int take(int count) {
    if (count > left_) throw std::out_of_range("only " + std::to_string(left_) + " left");
    return left_ -= count;
  }
  void add(const Item& item) { items_.push_back(item); }
  std::vector<Item> items() const { return items_; }
  std::shared_ptr<Shelf> shelf(int number) { return std::make_shared<Shelf>(number); }
  int wait_for(const multiprocessing::Event& event) { return event.wait() ? left_.load() : -1; }
  multiprocessing::Queue<int> orders() const { return orders_; }
  void die() { throw 42; }
  int hidden() const { return left_; }

 private:
  std::atomic<int> left_{100};
  std::vector<Item> items_;
  multiprocessing::Queue<int> orders_;
};

MULTIPROCESSING_EXPOSE(Shelf, number)
MULTIPROCESSING_EXPOSE(Stock, take, add, items, shelf, wait_for, orders, die);

// As another program might know it.
class Counted {
 public:
  Counted() { ++living; }
  Counted(const Counted&) { ++living; }
  ~Counted() { --living; }
  static int count() { return living; }
  int living_now() { return living; }
  static inline std::atomic<int> living = 0;
};
MULTIPROCESSING_EXPOSE(Counted, living_now)

}  // namespace shop

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::exited;
using test::Programs;
using test::require;

void with_stock(const BaseManager& manager) {
  manager.register_type<shop::Stock>("stock");
  manager.register_type<shop::Stock>(
      "new stock", [](int start) { return std::make_shared<shop::Stock>(start); });
  manager.register_type<shop::Counted>("counted", [] { return std::make_shared<shop::Counted>(); });
}

TEST(ExposedTest, MethodsAreCalledInTheManager) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const Proxy<shop::Stock> stock = manager.get<shop::Stock>("stock");
    require(stock.take(10) == 90);
    stock.add(shop::Item{"bolt", 3});
    stock.add(shop::Item{});
    require(stock.items().size() == 2 && stock.items()[0].name == "bolt");
  });
  programs.run([](const BaseManager& manager) {
    require(manager.get<shop::Stock>("stock").take(1L) == 89);
    require(manager.get<shop::Stock>("new stock", 5).take(1) == 4);
    require(manager.get<shop::Stock>("new stock", 5).take(1) == 4);
  });
}

TEST(ExposedTest, ErrorsArriveAsTheirOwnType) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto stock = manager.get<shop::Stock>("stock");
    require(error_of([&] { stock.take(1000); }) == "std::out_of_range: only 100 left");
    require(error_of([&] { stock.die(); }).find("42") != std::string::npos);
    require(stock.take(1) == 99);
  });
}

TEST(ExposedTest, MethodThatIsNotListedIsRefused) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto stock = manager.get<shop::Stock>("stock");
    const std::string error = error_of([&] { stock.call_method<int>("hidden"); });
    require(error.starts_with("ValueError: shop::Stock has no method 'hidden'"));
    require(stock.call_method<int>("take", 1) == 99);
    const std::string other = error_of([&] { stock.call_method<int>("take", 1.5); });
    require(other.find("int (int)") != std::string::npos);
    require(other.find("int (double)") != std::string::npos);
    require(stock.take(1) == 98);
  });
}

TEST(ExposedTest, ReturnedObjectsAreProxies) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto stock = manager.get<shop::Stock>("stock");
    const Proxy<shop::Shelf> third = stock.shelf(3);
    const Proxy<shop::Shelf> fourth = stock.shelf(4);
    require(third.number() == 3 && fourth.number() == 4);
    require(third != fourth && third == Proxy<shop::Shelf>(third));
    std::ostringstream text;
    text << third;
    require(text.str().starts_with("<Proxy of shop::Shelf "));
  });
}

TEST(ExposedTest, HandlesPassBothWays) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto stock = manager.get<shop::Stock>("stock");
    const Event event;
    std::thread waiter([&] { require(stock.wait_for(event) == 100); });
    event.set();
    waiter.join();
    const Queue<int> orders = stock.orders();
    orders.put(5);
    require(stock.orders().get(10s) == 5);
  });
}

TEST(ExposedTest, CallsOfSeveralThreadsRunAtOnce) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto stock = manager.get<shop::Stock>("stock");
    const Event event;
    std::vector<std::thread> waiters;
    for (int i = 0; i < 4; ++i) waiters.emplace_back([&] { require(stock.wait_for(event) == 90); });
    require(stock.take(10) == 90);
    event.set();
    for (std::thread& waiter : waiters) waiter.join();
  });
}

TEST(ExposedTest, ObjectGoesWithItsLastProxy) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto one = manager.get<shop::Counted>("counted");
    require(one.living_now() == 1);
    {
      const auto two = manager.get<shop::Counted>("counted");
      const auto same = two;
      require(one.living_now() == 2);
    }
    // The drop is on its way on a connection of its own.
    while (one.living_now() != 1) std::this_thread::yield();
  });
}

TEST(ExposedTest, ObjectGoesWithAClientThatIsKilled) {
  Programs programs;
  programs.serve(with_stock);
  auto victim = programs.start([](const BaseManager& manager) {
    const auto lost = manager.get<shop::Counted>("counted");
    require(lost.living_now() == 1);
    test::hang_up_and_wait();
  });
  victim.await_hang_up();
  victim.kill(SIGKILL);
  static_cast<void>(victim.wait());
  programs.run([](const BaseManager& manager) {
    const auto one = manager.get<shop::Counted>("counted");
    while (one.living_now() != 1) std::this_thread::yield();
  });
}

TEST(ExposedTest, ForkedChildGoesOnWithAProxy) {
  Programs programs;
  programs.serve(with_stock);
  programs.run([](const BaseManager& manager) {
    const auto stock = manager.get<shop::Stock>("new stock", 50);
    Process child([stock] { stock.take(20); });
    child.start();
    child.join();
    require(child.exitcode() == 0);
    require(stock.take(10) == 20);
  });
}

// Whatever a program has used before, proxies work over the wire.
TEST(ExposedTest, ProxiesWorkWithoutSharedMemory) {
  Programs programs(Programs::some_port());
  programs.serve(with_stock);
  auto apart = test::Child::run([&] {
    const Event own;
    const BaseManager manager = programs.manager();
    manager.connect();
    require(!manager.shares_memory());
    const auto stock = manager.get<shop::Stock>("stock");
    require(stock.take(10) == 90);
    require(stock.shelf(7).number() == 7);
    require(error_of([&] { stock.take(1000); }) == "std::out_of_range: only 90 left");
    const std::string sent = error_of([&] { stock.wait_for(own); });
    require(sent.starts_with("TransferError: an argument of shop::Stock.wait_for is a handle"));
    const std::string got = error_of([&] { static_cast<void>(stock.orders()); });
    require(got.starts_with("TransferError: the result lies in the manager's memory"));
    require(stock.take(10) == 80);
  });
  EXPECT_EQ(apart.wait(), exited(0));
}

}  // namespace
}  // namespace multiprocessing
