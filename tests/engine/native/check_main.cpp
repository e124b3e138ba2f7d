// Runs the checks that are in a library, where -Dmain=check_main made a function of their main.
int check_main(int count, char** names);

int main(int count, char** names) { return check_main(count, names); }
