#pragma once

// One number that tells this build's shared layouts from another's, computed by the compiler.
//
// Each room that lays something into the arena lists it in its layout.hpp: of structures the name,
// place and size of each field; of packed words a sample; constants that decide what lies where.
// layout_id() (lib/layout) sums up all rooms. A field that is forgotten in such a list leaves a
// hole there, and does not compile. A change of what the same bytes mean shows in none of these:
// count the room's version up for it.

#include <boost/preprocessor/seq/for_each.hpp>
#include <boost/preprocessor/variadic/to_seq.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace multiprocessing::shm {

struct LayoutField {
  std::string_view name;
  std::size_t offset;
  std::size_t size;
  std::size_t alignment;
};

/// Not constexpr: to come here is a compile-time error that names what is wrong.
inline void field_missing_or_out_of_order(std::string_view /*after*/) {}

class Layout {
 public:
  consteval Layout(std::string_view room, std::uint64_t version) {
    text(room);
    number(version);
  }

  /// FNV-1a, 64 bits.
  consteval Layout& number(std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) byte(value >> shift & 0xFFU);
    return *this;
  }

  consteval Layout& structure(std::string_view name, std::size_t size, std::size_t alignment,
                              std::initializer_list<LayoutField> fields) {
    text(name);
    number(size);
    number(alignment);
    std::size_t end = 0;
    std::string_view last = name;
    for (const LayoutField& field : fields) {
      if (field.offset != round_up(end, field.alignment)) field_missing_or_out_of_order(last);
      text(field.name);
      number(field.offset);
      number(field.size);
      end = field.offset + field.size;
      last = field.name;
    }
    if (size != round_up(end, alignment)) field_missing_or_out_of_order(last);
    return *this;
  }

  [[nodiscard]] consteval std::uint64_t value() const { return sum_; }

 private:
  static consteval std::size_t round_up(std::size_t value, std::size_t unit) {
    return (value + unit - 1) / unit * unit;
  }
  consteval void byte(std::uint64_t value) { sum_ = (sum_ ^ value) * 0x100000001B3; }
  consteval void text(std::string_view text) {
    for (const char letter : text) byte(static_cast<unsigned char>(letter));
    byte(0);
  }

  std::uint64_t sum_ = 0xCBF29CE484222325;
};

/// Arguments of Layout::structure: the structure, and all of its fields in their order.
#define MULTIPROCESSING_STRUCTURE(Type, ...)                     \
  #Type, sizeof(Type), alignof(Type), {                          \
    BOOST_PP_SEQ_FOR_EACH(MULTIPROCESSING_LAYOUT_FIELD, Type,    \
                          BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)) \
  }
// the alignment of the field itself, which may be more than its type's
#define MULTIPROCESSING_LAYOUT_FIELD(r, Type, field)                                      \
  ::multiprocessing::shm::LayoutField{#field, offsetof(Type, field), sizeof(Type::field), \
                                      __alignof__(static_cast<Type*>(nullptr)->field)},

}  // namespace multiprocessing::shm
