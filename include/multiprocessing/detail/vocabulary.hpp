#pragma once

/// \file multiprocessing/detail/vocabulary.hpp
/// What comes with every public header: Timeout, range and generate, what can cross a process
/// boundary, partial, by_value and Function, and the errors.

#include <multiprocessing/detail/callable.hpp>
#include <multiprocessing/detail/function.hpp>
#include <multiprocessing/detail/range.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/detail/transferable.hpp>
#include <multiprocessing/errors.hpp>
