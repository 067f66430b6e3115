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
    if (!bytes_.get(key_of(name), bytes))
      throw KeyError(detail::repr(name) + " is no name here: ask contains() first");
    detail::Reader in(bytes.view());
    const Head head = read_head(in);
    if (head.type != detail::type_id<T>()) {
      throw TransferError(std::string(name) + " is of type " + head.type_name + ", not " +
                          detail::type_name<T>());
    }
    T value = detail::decode_value<T>(in);
    in.finish();
    return value;
  }
  /// Character arrays and `const char*` are kept as std::string.
  template <class T>
  void set(std::string_view name, const T& value) const {
    using Kept = std::conditional_t<std::convertible_to<const T&, const char*>, std::string, T>;
    detail::require_transferable<Kept>();
    detail::Writer out;
    detail::encode_value(out, detail::type_id<Kept>());
    detail::encode_value(out, detail::type_name<Kept>());
    static const detail::CodeToken printer = detail::token_of_function(&print<Kept>);
    detail::encode_token(out, printer);
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
      read_head(in).print(text, in);
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
  using Print = void(std::ostream& out, detail::Reader& in);

  struct Head {
    std::uint64_t type;
    std::string type_name;
    Print* print;
  };

  explicit Namespace(detail::ByteDict bytes) noexcept : bytes_(std::move(bytes)) {}

  static std::span<const std::byte> key_of(std::string_view name) noexcept {
    return std::as_bytes(std::span<const char>(name.data(), name.size()));
  }
  template <class T>
  static void print(std::ostream& out, detail::Reader& in) {
    detail::write_repr(out, detail::decode_value<T>(in));
  }
  static Head read_head(detail::Reader& in) {
    const auto type = detail::decode_value<std::uint64_t>(in);
    auto name = detail::decode_value<std::string>(in);
    return {type, std::move(name), detail::function_of_token<Print>(detail::decode_token(in))};
  }

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
