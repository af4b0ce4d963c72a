/* hello - a web server of one handler.
 *
 *     cc -o hello hello.c $(pkg-config --cflags --libs wherry) && ./hello */
#include <wherry.h>

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_send_text(exchange, 200, wherry_text("Hello, World!\n"));
}

int main(void)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    int                    status = 1;

    wherry_settings_init(&settings);
    server = wherry_server_new(&settings);
    if (server && wherry_server_handle(server, WHERRY_GET, "/hello", hello, NULL))
        status = wherry_server_main(server);
    wherry_server_free(server);
    return status;
}
