multiprocessing_test(sync_chaos_test LABELS chaos TIMEOUT 300
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/sync_chaos_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/sharedctypes_chaos_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/waiting_chaos_test.cpp)
