// Containers and values that are used over the wire, by programs that share no memory with the
// manager, beside others that do.

#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>

#include "manager/programs.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::Programs;
using test::require;

struct Point {
  int x = 0;
  int y = 0;
};

void with_containers(const BaseManager& manager) {
  manager.register_type<Dict<std::string, int>>("ages");
  manager.register_type<List<int>>("list");
  manager.register_type<List<Point>>("points");
  manager.register_type<Set<std::string>>("set");
  manager.register_type<Namespace>("names");
  manager.register_type<Value<int>>("count");
  manager.register_type<Value<Point>>("point");
  manager.register_type<Array<double>>("array", [array = Array<double>(4)] { return array; });
  manager.register_type<Array<int>>("raw", [array = Array<int>(2, no_lock)] { return array; });
  manager.register_type<Dict<std::string, List<int>>>("lists", [] {
    const Dict<std::string, List<int>> lists;
    lists.set("odd", List<int>({1, 3}));
    return lists;
  });
}

template <class T>
std::string text_of(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

TEST(ExposedContainersTest, ListIsChangedAndReadOverTheWire) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto list = manager.get<Proxy<List<int>>>("list");
    require(list.empty());
    list.extend({3, 1, 2});
    list.append(5);
    list.sort();
    require(list.copy() == std::vector({1, 2, 3, 5}) && list.size() == 4);
    list.reverse();
    list.set(-1, 7);
    list.insert(1, 4);
    require(list.copy() == std::vector({5, 4, 3, 2, 7}) && list.at(-1) == 7);
    require(list.pop() == 7 && list.pop(0) == 5 && list.index(3) == 1 && list.contains(2));
    list.remove(3);
    require(list.slice(0, 1) == std::vector({4}) && list.count(4) == 1);
    list.set_slice(0, 1, {8, 9});
    require(list.erase(0, 1) == 1);
    require(error_of([&] { static_cast<void>(list.at(9)); }).starts_with("ValueError"));
    require(error_of([&] { list.remove(1); }).find("not in list") != std::string::npos);
  });
  programs.run([](const BaseManager& manager) {
    require(manager.get<List<int>>("list").copy() == std::vector({9, 2}));
  });
}

TEST(ExposedContainersTest, ElementsThatCannotBeComparedAreSaidToBe) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto points = manager.get<Proxy<List<Point>>>("points");
    points.append({1, 2});
    require(points.at(0).y == 2);
    require(error_of([&] { points.sort(); }) ==
            "ValueError: sort needs elements that can be compared");
  });
}

TEST(ExposedContainersTest, SetIsChangedAndReadOverTheWire) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto set = manager.get<Proxy<Set<std::string>>>("set");
    require(set.add("a") && !set.add("a"));
    set.update({"b", "c"});
    require(set.contains("b") && set.size() == 3 && set.discard("b") && !set.discard("b"));
    require(set.copy() == std::set<std::string>({"a", "c"}));
    require(error_of([&] { set.remove("z"); }).starts_with("KeyError: 'z'"));
  });
  programs.run([](const BaseManager& manager) {
    require(manager.get<Set<std::string>>("set").contains("c"));
  });
}

TEST(ExposedContainersTest, DictHasItsOtherMethodsToo) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto ages = manager.get<Proxy<Dict<std::string, int>>>("ages");
    ages.update({{"ron", 15}, {"hermione", 16}});
    require(ages.get("ron", 1) == 15 && ages.get("harry", 1) == 1);
    require(ages.values().size() == 2 && ages.setdefault("harry") == 0);
    static_cast<void>(ages.popitem());
    require(ages.size() == 2);
  });
}

TEST(ExposedContainersTest, NamespaceHasValuesOfAnyTypeOverTheWire) {
  Programs programs;
  programs.serve(with_containers);
  programs.run([](const BaseManager& manager) {
    const auto names = manager.get<Namespace>("names");
    names.set("local", std::vector<double>{1.5, 2.5});
  });
  programs.run_apart([](const BaseManager& manager) {
    const auto names = manager.get<Proxy<Namespace>>("names");
    names.set("x", 10);
    names.set("y", "hello");
    names.set("p", std::pair<int, std::vector<double>>(1, {0.25}));
    require(names.get<int>("x") == 10 && names.get<std::string>("y") == "hello");
    require(names.get<std::vector<double>>("local") == std::vector({1.5, 2.5}));
    require(names.contains("x") && !names.contains("z") && !names.erase("z"));
    require(error_of([&] { static_cast<void>(names.get<int>("z")); }).starts_with("KeyError: 'z'"));
    require(error_of([&] { static_cast<void>(names.get<double>("x")); }) ==
            "TransferError: x is of type int, not double");
    require(error_of([&] { names.set("e", Event()); }).starts_with("TransferError: a "));
  });
  programs.run([](const BaseManager& manager) {
    const auto names = manager.get<Namespace>("names");
    require(names.get<int>("x") == 10);
    require((names.get<std::pair<int, std::vector<double>>>("p").second.front() == 0.25));
    require(names.erase("p"));
    require(text_of(names) == "Namespace(local=[1.5, 2.5], x=10, y='hello')");
  });
}

TEST(ExposedContainersTest, HandleThatAStrangerMadeUpIsNotFollowed) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const detail::NamespaceValue forged{detail::type_id<Event>(), "Event",
                                        std::vector<std::byte>(8, std::byte{1})};
    manager.get<Proxy<Namespace>>("names").call_method<void>("set", std::string("event"), forged);
  });
  programs.run([](const BaseManager& manager) {
    const auto names = manager.get<Namespace>("names");
    require(error_of([&] {
              static_cast<void>(names.get<Event>("event"));
            }).starts_with("TransferError"));
  });
}

TEST(ExposedContainersTest, ValueIsReadAndReplacedOverTheWire) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto count = manager.get<Proxy<Value<int>>>("count");
    count.set(5);
    require(count.fetch_add(2) == 5 && count.exchange(1) == 7 && count.get() == 1);
    int expected = 3;
    require(!count.compare_exchange(expected, 4) && expected == 1);
    require(count.compare_exchange(expected, 4) && count.get() == 4);
    const auto point = manager.get<Proxy<Value<Point>>>("point");
    point.set({1, 2});
    require(point.get().y == 2);
  });
}

TEST(ExposedContainersTest, ArrayIsReadAndWrittenOverTheWire) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto array = manager.get<Proxy<Array<double>>>("array");
    array.set(1, 2.5);
    array.set_slice(2, {3.5, 4.5});
    require(array.size() == 4 && array.at(1) == 2.5);
    require(array.copy() == std::vector({0.0, 2.5, 3.5, 4.5}));
    require(array.slice(1, 3) == std::vector({2.5, 3.5}));
    require(error_of([&] { array.set(4, 1.0); }).starts_with("ValueError: element"));
    require(error_of([&] { static_cast<void>(array.at(4)); }).starts_with("ValueError"));
    const auto raw = manager.get<Proxy<Array<int>>>("raw");
    raw.set(0, 9);
    require(raw.at(0) == 9);
  });
}

TEST(ExposedContainersTest, NestedHandleComesAsAProxy) {
  Programs programs;
  programs.serve(with_containers);
  programs.run_apart([](const BaseManager& manager) {
    const auto lists = manager.get<Proxy<Dict<std::string, List<int>>>>("lists");
    const Proxy<List<int>> odd = lists.at("odd");
    odd.append(5);
    require(lists.at("odd").copy() == std::vector({1, 3, 5}));
    require(error_of([&] { static_cast<void>(lists.pop("odd")); }).starts_with("TransferError"));
  });
}

}  // namespace
}  // namespace multiprocessing
