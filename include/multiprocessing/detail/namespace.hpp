#pragma once

/// \file multiprocessing/detail/namespace.hpp
/// Named values of any types that all processes of a family share: part of
/// `multiprocessing/managers.hpp`.
///
///   sharing   copies refer to the same namespace; it goes when the last handle in the last living
///             process goes
///   threads   every member may be called concurrently from any thread
///   ordering  what was written before a name was set is visible after a get that returned its
///   value death     a process killed in any member leaves each name with its old or its new value
///
/// \code
///   auto global = manager.Namespace();
///   global["x"] = 10;
///   global["y"] = std::string("hello");
///   int x = global["x"];
///   std::cout << global;  // Namespace(x=10, y='hello')
/// \endcode

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/dict_bytes.hpp>
#include <multiprocessing/detail/dict_codec.hpp>
#include <multiprocessing/detail/dict_iterator.hpp>
#include <multiprocessing/detail/dict_repr.hpp>
#include <multiprocessing/detail/schema.hpp>
#include <multiprocessing/detail/token.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

class Namespace;

namespace detail {

struct NamespaceExposure;  // detail/exposed_containers.hpp

/// As what a name keeps a T.
template <class T>
using named_t = std::conditional_t<std::convertible_to<const T&, const char*>, std::string, T>;

/// \throws TransferError naming both types
template <class T>
void require_named_type(std::string_view name, std::uint64_t type, const std::string& type_name) {
  if (type == type_id<T>()) return;
  throw TransferError(std::string(name) + " is of type " + type_name + ", not " +
                      detail::type_name<T>());
}

/// A value on its way over the wire.
struct NamespaceValue {
  std::uint64_t type = 0;
  std::string type_name;
  std::vector<std::byte> bytes;

  /// \throws TransferError if it holds a handle, which is of no use there
  template <class T>
  static NamespaceValue of(const T& value) {
    using Kept = named_t<T>;
    require_transferable<Kept>();
    Writer out;
    encode_value(out, static_cast<const Kept&>(Kept(value)));
    if (!out.handles().empty()) {
      throw TransferError("a " + detail::type_name<Kept>() +
                          " holds a handle, which cannot be set through a proxy");
    }
    return {type_id<Kept>(), detail::type_name<Kept>(), {out.data(), out.data() + out.size()}};
  }
  /// \throws TransferError naming both types, or if it holds a handle
  template <class T>
  [[nodiscard]] T as(std::string_view name) const {
    require_named_type<T>(name, type, type_name);
    Reader in(bytes, false);
    T value = decode_value<T>(in);
    in.finish();
    return value;
  }
};

/// `ns["x"]`: reads and assigns. To be used at once.
class NamespaceElement {
 public:
  NamespaceElement(const Namespace& space, std::string_view name) : space_(space), name_(name) {}
  NamespaceElement(const NamespaceElement&) = delete;
  NamespaceElement(NamespaceElement&&) = delete;
  ~NamespaceElement() = default;

  /// \throws KeyError naming the name, TransferError naming both types if it is of another one
  template <class T>
    requires(!std::same_as<T, NamespaceElement>)
  operator T() const;  // NOLINT(google-explicit-constructor)
  template <class T>
    requires(!std::same_as<std::decay_t<T>, NamespaceElement>)
  const NamespaceElement& operator=(T&& value) const;  // NOLINT: assigns to the name's value
  NamespaceElement& operator=(const NamespaceElement&) = delete;

 private:
  const Namespace& space_;
  std::string_view name_;
};

}  // namespace detail

/// A name's value may change its type whenever it is set; reading says which one is wanted.
class Namespace {
 public:
  using multiprocessing_handle = void;

  /// Makes an empty namespace. \throws ArenaExhausted, as everything that adds
  Namespace() = default;

  detail::NamespaceElement operator[](std::string_view name) const { return {*this, name}; }

  /// \throws KeyError naming the name, TransferError naming both types if it is of another one
  template <class T>
  [[nodiscard]] T get(std::string_view name) const {
    detail::DictBytes bytes;
    detail::Reader in = find(name, bytes);
    const Head head = read_head(in);
    detail::require_named_type<T>(name, head.type, head.type_name);
    T value = detail::decode_value<T>(in);
    in.finish();
    return value;
  }
  /// Character arrays and `const char*` are kept as std::string.
  template <class T>
  void set(std::string_view name, const T& value) const {
    using Kept = detail::named_t<T>;
    detail::require_transferable<Kept>();
    static const detail::CodeToken printer = detail::token_of_function(&print<Kept>);
    detail::Writer out;
    write_head(out, {detail::type_id<Kept>(), detail::type_name<Kept>(), printer});
    detail::encode_value(out, static_cast<const Kept&>(Kept(value)));
    bytes_.set(key_of(name), out.view(), out.handles());
  }
  [[nodiscard]] bool contains(std::string_view name) const { return bytes_.contains(key_of(name)); }
  /// True: it was there.
  bool erase(std::string_view name) const { return bytes_.erase(key_of(name)); }

  /// True if both are the same namespace.
  friend bool operator==(const Namespace& a, const Namespace& b) noexcept {
    return a.bytes_.handle() == b.bytes_.handle();
  }
  /// Namespace(x=10, y='hello'): the names that do not begin with an underscore.
  friend std::ostream& operator<<(std::ostream& out, const Namespace& space) {
    std::map<std::string, std::string> texts;
    for (detail::DictWalk walk(space.bytes_, true); !walk.done(); walk.step()) {
      auto name = walk.key<std::string>();
      if (!name.empty() && name.front() == '_') continue;
      std::ostringstream text;
      detail::Reader in(walk.value_bytes());
      print_value(text, in);
      texts.emplace(std::move(name), std::move(text).str());
    }
    out << "Namespace(";
    bool first = true;
    for (const auto& [name, text] : texts) {
      out << (std::exchange(first, false) ? "" : ", ") << name << '=' << text;
    }
    return out << ')';
  }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return bytes_.id(); }
  static Namespace from_handle_id(detail::HandleId id) { return Namespace(detail::ByteDict(id)); }

 private:
  friend struct detail::NamespaceExposure;
  using Print = void(std::ostream& out, detail::Reader& in);

  // Before the value, which begins at a multiple of 64 bytes: so it means the same elsewhere.
  struct Head {
    std::uint64_t type;
    std::string type_name;
    detail::CodeToken printer;  // all 0: the value came over the wire
  };

  explicit Namespace(detail::ByteDict bytes) noexcept : bytes_(std::move(bytes)) {}

  static std::span<const std::byte> key_of(std::string_view name) noexcept {
    return std::as_bytes(std::span<const char>(name.data(), name.size()));
  }
  template <class T>
  static void print(std::ostream& out, detail::Reader& in) {
    detail::write_repr(out, detail::decode_value<T>(in));
  }
  static void write_head(detail::Writer& out, const Head& head) {
    out.plain(head.type);
    detail::encode_value(out, head.type_name);
    out.plain(head.printer);
    out.align(kValueAlignment);
  }
  // What a stranger has written is trusted no more than its message was.
  static Head read_head(detail::Reader& in) {
    Head head;
    head.type = in.plain<std::uint64_t>();
    head.type_name = detail::decode_value<std::string>(in);
    head.printer = in.plain<detail::CodeToken>();
    in.align(kValueAlignment);
    if (head.printer == detail::CodeToken{}) {
      const std::size_t size = in.remaining();
      in = detail::Reader(in.take(size), size, false);
    }
    return head;
  }
  // Its own type's way if this program has that: else the common ones are known by sight.
  static void print_value(std::ostream& out, detail::Reader& in) {
    const Head head = read_head(in);
    if (head.printer != detail::CodeToken{}) {
      try {
        return detail::function_of_token<Print>(head.printer)(out, in);
      } catch (const TransferError&) {  // another program's
      }
    }
    if (!print_if_one_of<bool, int, long, unsigned, unsigned long, float, double, std::string>(
            out, head.type, in)) {
      out << '<' << head.type_name << '>';
    }
  }
  template <class... T>
  static bool print_if_one_of(std::ostream& out, std::uint64_t type, detail::Reader& in) {
    return ((type == detail::type_id<T>() && (print<T>(out, in), true)) || ...);
  }

  detail::Reader find(std::string_view name, detail::DictBytes& bytes) const {
    if (!bytes_.get(key_of(name), bytes))
      throw KeyError(detail::repr(name) + " is no name here: ask contains() first");
    return detail::Reader(bytes.view());
  }
  [[nodiscard]] detail::NamespaceValue take(std::string_view name) const {
    detail::DictBytes bytes;
    detail::Reader in = find(name, bytes);
    Head head = read_head(in);
    const std::size_t size = in.remaining();
    const std::byte* const value = in.take(size);
    return {head.type, std::move(head.type_name), {value, value + size}};
  }
  void put(std::string_view name, const detail::NamespaceValue& value) const {
    detail::Writer out;
    write_head(out, {value.type, value.type_name, {}});
    out.bytes(value.bytes.data(), value.bytes.size());
    bytes_.set(key_of(name), out.view(), {});
  }

  static constexpr std::size_t kValueAlignment = 64;

  detail::ByteDict bytes_;
};

namespace detail {

template <class T>
  requires(!std::same_as<T, NamespaceElement>)
NamespaceElement::operator T() const {
  return space_.get<T>(name_);
}

template <class T>
  requires(!std::same_as<std::decay_t<T>, NamespaceElement>)
const NamespaceElement& NamespaceElement::operator=(T&& value) const {
  space_.set(name_, static_cast<const std::decay_t<T>&>(value));
  return *this;
}

}  // namespace detail
}  // namespace multiprocessing

// NOLINTBEGIN(cert-dcl58-cpp): a specialization for a type of our own
template <>
struct std::hash<multiprocessing::Namespace> {
  std::size_t operator()(const multiprocessing::Namespace& space) const noexcept {
    return std::hash<std::uint64_t>{}(space.handle_id().value);
  }
};
// NOLINTEND(cert-dcl58-cpp)
