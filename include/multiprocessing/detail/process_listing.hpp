#pragma once

/// \file multiprocessing/detail/process_listing.hpp
/// Subclasses of Process that can be started by spawn and forkserver. MULTIPROCESSING_PROCESS is
/// public.
///
///   sharing   private to a program; each process of it lists the same classes
///   threads   listing happens at load
///   ordering  none
///   death     nothing shared is touched

#include <memory>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/process.hpp>

namespace multiprocessing::detail {

/// How the objects of one class travel.
struct ProcessKind {
  const std::type_info* type = nullptr;
  void (*encode)(Writer& out, const Process& process) = nullptr;
  std::unique_ptr<Process> (*decode)(Reader& in) = nullptr;
};

/// Makes a kind known for as long as the module that lists it is loaded.
class MULTIPROCESSING_API ProcessListing {
 public:
  explicit ProcessListing(const ProcessKind& kind);
  ProcessListing(const ProcessListing&) = delete;
  ProcessListing& operator=(const ProcessListing&) = delete;
  ~ProcessListing();

  /// nullptr if the class is not listed.
  static const ProcessKind* find(const std::type_info& type) noexcept;

 private:
  struct Entry;
  Entry* entry_;
};

template <class Member>
struct MemberOf;
template <class T, class C>
struct MemberOf<T C::*> {
  using type = T;
};
template <auto Member>
using member_t = typename MemberOf<decltype(Member)>::type;

/// D with the data members that travel.
template <class D, auto... Members>
struct ListedProcess {
  static_assert(std::is_base_of_v<Process, D>,
                "MULTIPROCESSING_PROCESS lists subclasses of Process");
  static_assert(sizeof...(Members) > 0 || sizeof(D) == sizeof(Process),
                "this subclass of Process has data members: name those that a spawned child needs, "
                "MULTIPROCESSING_PROCESS(Derived, member, ...)");
  // Not the other way round: a class that inherits Process's constructors seems to have any.
  static constexpr bool kAssigned = std::is_default_constructible_v<D>;
  static_assert(kAssigned || std::is_constructible_v<D, member_t<Members>...>,
                "a spawned child makes this subclass of Process without arguments and assigns its "
                "listed members, or makes it from them, in their order: it needs such a "
                "constructor");

  static void encode(Writer& out, const Process& process) {
    const auto& object = static_cast<const D&>(process);
    (encode_value(out, object.*Members), ...);
  }
  static std::unique_ptr<Process> decode([[maybe_unused]] Reader& in) {
    if constexpr (kAssigned) {
      auto object = std::make_unique<D>();
      ((*object.*Members = decode_value<member_t<Members>>(in)), ...);
      return object;
    } else {
      std::tuple<member_t<Members>...> values{decode_value<member_t<Members>>(in)...};
      return std::apply(
          [](auto&... value) -> std::unique_ptr<Process> {
            return std::make_unique<D>(std::move(value)...);
          },
          values);
    }
  }
  static constexpr ProcessKind kind() noexcept { return {&typeid(D), &encode, &decode}; }
};

}  // namespace multiprocessing::detail

#define MULTIPROCESSING_PARENTHESES ()
#define MULTIPROCESSING_SCAN(...) \
  MULTIPROCESSING_SCAN_4(MULTIPROCESSING_SCAN_4(MULTIPROCESSING_SCAN_4(__VA_ARGS__)))
#define MULTIPROCESSING_SCAN_4(...) \
  MULTIPROCESSING_SCAN_1(MULTIPROCESSING_SCAN_1(MULTIPROCESSING_SCAN_1(__VA_ARGS__)))
#define MULTIPROCESSING_SCAN_1(...) __VA_ARGS__
#define MULTIPROCESSING_MEMBERS(Derived, member, ...) \
  &Derived::member __VA_OPT__(                        \
      , MULTIPROCESSING_MORE_MEMBERS MULTIPROCESSING_PARENTHESES(Derived, __VA_ARGS__))
#define MULTIPROCESSING_MORE_MEMBERS() MULTIPROCESSING_MEMBERS

// An explicit instantiation may name private members.
#define MULTIPROCESSING_LIST_PROCESS(Name, Derived, ...)                        \
  template <auto... Members>                                                    \
  struct Name {                                                                 \
    static inline const ::multiprocessing::detail::ProcessListing listing{      \
        ::multiprocessing::detail::ListedProcess<Derived, Members...>::kind()}; \
  };                                                                            \
  template struct Name<__VA_OPT__(                                              \
      MULTIPROCESSING_SCAN(MULTIPROCESSING_MEMBERS(Derived, __VA_ARGS__)))>;

/// At namespace scope: objects of this subclass of Process can be started by spawn and forkserver.
/// Its data members that the child needs, private ones too, are named after it; the child makes its
/// object without arguments and assigns them, or, if there is no such constructor, makes it from
/// them, in this order. At most nine. A semicolon may follow.
#define MULTIPROCESSING_PROCESS(...)                                                      \
  MULTIPROCESSING_LIST_PROCESS(MULTIPROCESSING_JOIN(MultiprocessingListing, __COUNTER__), \
                               __VA_ARGS__)
