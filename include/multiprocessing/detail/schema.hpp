#pragma once

/// \file multiprocessing/detail/schema.hpp
/// What a type is to a receiver: its id, equal in programs that would read each other's bytes
/// alike, and its name for messages.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include <multiprocessing/detail/transferable.hpp>

namespace multiprocessing::detail {

/// "std::vector<int>": demangled and without the noise of defaults.
MULTIPROCESSING_API std::string readable_name(const std::type_info& type);

template <class T>
std::string type_name() {
  return readable_name(typeid(T));
}

/// FNV-1a over the description of a type.
class Schema {
 public:
  void add(std::string_view text) noexcept {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0xff);
  }
  void add(std::uint64_t number) noexcept {
    for (int shift = 0; shift < 64; shift += 8) {
      add_byte(static_cast<unsigned char>(number >> shift));
    }
  }
  /// True, and adds a reference back, if `type` is being described already.
  bool seen(const std::type_info& type) {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (*seen_[i] != type) continue;
      add("again");
      add(i);
      return true;
    }
    seen_.push_back(&type);
    return false;
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return hash_; }

 private:
  void add_byte(unsigned char byte) noexcept { hash_ = (hash_ ^ byte) * 0x100000001b3U; }

  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::vector<const std::type_info*> seen_;
};

template <class T>
void describe_type(Schema& schema);

template <class... T>
void describe_types(Schema& schema, Types<T...>) {
  schema.add(sizeof...(T));
  (describe_type<T>(schema), ...);
}

/// long and long long are one.
template <class T>
void describe_scalar(Schema& schema) {
  if constexpr (std::is_same_v<T, bool>) {
    schema.add("bool");
  } else if constexpr (std::is_floating_point_v<T>) {
    schema.add("float");
  } else {
    schema.add(std::is_signed_v<T> ? "signed" : "unsigned");
  }
  schema.add(sizeof(T));
}

template <class T>
void describe_special(Schema& schema) {
  schema.add(Codec<T>::kName);
  if constexpr (requires { Codec<T>::kNamed; }) schema.add(typeid(T).name());
  if constexpr (requires { Codec<T>::kExtra; }) schema.add(std::uint64_t{Codec<T>::kExtra});
  describe_types(schema, typename Codec<T>::Parts{});
}

template <class T_>
void describe_type(Schema& schema) {
  using T = std::remove_cv_t<T_>;
  if constexpr (std::is_array_v<T>) {
    schema.add("array");
    schema.add(std::extent_v<T>);
    describe_type<std::remove_extent_t<T>>(schema);
  } else if constexpr (trivially_transferable<T> || std::is_enum_v<T>) {
    schema.add(typeid(T).name());
    schema.add(sizeof(T));
  } else if constexpr (PlainScalar<T>) {
    describe_scalar<T>(schema);
  } else if constexpr (SharedHandle<T> || CodePointer<T> || Stateless<T>) {
    schema.add(typeid(T).name());
  } else if constexpr (Specialized<T>) {
    describe_special<T>(schema);
  } else if (!schema.seen(typeid(T))) {
    schema.add(typeid(T).name());
    describe_types(schema, FieldsOf<T>{});
  }
}

/// Equal for types that read each other's bytes alike and have the same name.
template <class T>
std::uint64_t type_id() {
  static const std::uint64_t id = [] {
    Schema schema;
    describe_type<T>(schema);
    return schema.value();
  }();
  return id;
}

}  // namespace multiprocessing::detail
