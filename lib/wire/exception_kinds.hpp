#pragma once

/// \file wire/exception_kinds.hpp
/// The exceptions that are known without registration, and those that are registered.

#include <string_view>

#include <multiprocessing/detail/exception.hpp>

namespace multiprocessing::wire {

/// By its mangled name. False if it is not known here.
bool find_exception_kind(std::string_view name, detail::ExceptionKind& found);

/// The standard library's and this library's own; the end is an entry without a type.
const detail::ExceptionKind* built_in_exception_kinds();

}  // namespace multiprocessing::wire
