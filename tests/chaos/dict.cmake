multiprocessing_test(dict_chaos_test LABELS chaos TIMEOUT 120 SOURCES chaos/dict_chaos_test.cpp)
