# The warnings that the project's own code is compiled with. Link it PRIVATE: it is never
# exported. Warnings become errors in the presets (CMAKE_COMPILE_WARNING_AS_ERROR), not here.
add_library(multiprocessing_warnings INTERFACE)
target_compile_options(multiprocessing_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                                                          -Wconversion)
