multiprocessing_test(shm_chaos_test LABELS chaos TIMEOUT 120 SOURCES chaos/shm_chaos_test.cpp)
